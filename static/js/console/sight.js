// Narrow windows: where one is, and what is wrong, are in sight from the beginning.
import { find } from "./dom.js";

function bringIntoSight(strip, element) {
  if (!strip || !element) return;
  const [outer, inner] = [strip.getBoundingClientRect(), element.getBoundingClientRect()];
  strip.scrollLeft += inner.left + inner.width / 2 - (outer.left + outer.width / 2);
}

const showTab = () => bringIntoSight(find(".tabs"), find('.tabs [aria-current="page"]'));
let wide = innerWidth;
showTab();
// A telephone that is turned; not the bars of its browser that come and go while somebody scrolls.
addEventListener("resize", () => {
  if (wide === innerWidth) return;
  wide = innerWidth;
  showTab();
});
const drawn = find(".picture");
const worst = drawn && (find(".node.tone-bad", drawn) ?? find(".node.tone-warn", drawn) ?? find(".hub", drawn));
bringIntoSight(drawn, worst);
