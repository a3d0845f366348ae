// What a rollout says aloud (`data-announce`), once, for those who do not see the page.
import { find } from "./dom.js";

const strip = () => find("[data-announce]")?.dataset ?? {};
// Two rollouts may do, and say, the same.
const words = () => `${strip().rollout} ${strip().announce}`;
let said = words();

function announce() {
  if (words() === said) return;
  said = words();
  if (strip().announce) document.getElementById("announcer").textContent = strip().announce;
}

document.addEventListener("htmx:afterSettle", announce);
