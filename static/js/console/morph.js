// Swaps that change only what differs (`hx-swap="morph"`), and leave alone what a person has opened, ticked or is
// typing: `data-keep` names attributes that stay as they are, `data-stays` an element that does.
import { all } from "./dom.js";

// idiomorph's own htmx extension reads its options with `Function(...)`, which the content security policy forbids.
htmx.defineExtension("morph", {
  isInlineSwap: (style) => style === "morph",
  handleSwap(style, target, fragment) {
    if (style !== "morph") return false;
    return Idiomorph.morph(target, fragment.children, { morphStyle: "outerHTML" });
  },
});

const kept = (node, name) => (node.dataset?.keep ?? "").split(" ").includes(name);

Object.assign(Idiomorph.defaults.callbacks, {
  beforeNodeRemoved: (node) => !node.matches?.("[data-stays]"),
  beforeNodeMorphed(from, to) {
    if (from.nodeType !== Node.ELEMENT_NODE || to.nodeType !== Node.ELEMENT_NODE) return true;
    const tick = from.matches("input[type=checkbox], input[type=radio]");
    if (tick && !to.disabled) to.checked = from.checked;
    return tick || from !== document.activeElement || !from.matches("input, textarea, select");
  },
  beforeAttributeUpdated(name, node) {
    if (name === "style") return false;
    if (name === "aria-expanded" && node.matches("[data-menu]")) return false;
    return !kept(node, name);
  },
});

// What a person was told stays through polls, until they send something else.
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.requestConfig.verb !== "post") return;
  for (const told of all("[data-stays]", detail.target)) told.remove();
});
