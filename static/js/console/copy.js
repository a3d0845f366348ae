// Registration: a button with `data-copy` copies the text of the element with that ID, and says so in a toast.
const say = (text, tone) => document.dispatchEvent(new CustomEvent("toast", { detail: { text, tone } }));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const done = await copied(source.textContent);
  if (!done) select(source);
  say(done ? button.dataset.textCopied : button.dataset.textFailed, done ? "good" : "bad");
});

// Browsers have no clipboard on a page without HTTPS.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

// Ready to be copied by hand.
function select(element) {
  for (let at = element; at; at = at.parentElement) if (at.matches("details")) at.open = true;
  getSelection().selectAllChildren(element);
  element.focus();
}
