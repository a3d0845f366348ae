"use strict";
// idiomorph's own htmx extension reads its options with `Function(...)`, which the content security policy forbids.
htmx.defineExtension("morph", {
  isInlineSwap: (style) => style === "morph",
  handleSwap(style, target, fragment) {
    if (style !== "morph") return false;
    return Idiomorph.morph(target, fragment.children, { morphStyle: "outerHTML" });
  },
});
