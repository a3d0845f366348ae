// Dialogs: native, one at a time, filled by htmx into #dialogs.
import { all, find } from "./dom.js";

const host = document.getElementById("dialogs");
let opener = null;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target !== host) return;
  const menu = event.detail.elt.closest('[role="menu"]');
  const from = menu ? find(`[aria-controls="${menu.id}"]`) : event.detail.elt;
  if (!host.contains(from)) opener = from.id;
});

function showDialogs() {
  for (const dialog of all("dialog:not([open])", host)) {
    dialog.addEventListener("cancel", (event) => stays(dialog) && event.preventDefault());
    dialog.addEventListener("close", () => {
      // A browser may close it all the same: then it is shown again with the answer, if that asks for something.
      if (!stays(dialog)) dialog.remove();
      (document.getElementById(opener) ?? document.getElementById("main"))?.focus();
    });
    dialog.showModal();
    // A long dialog begins with its title, also where what has the focus stands at its end.
    firstOf(dialog)?.focus({ preventScroll: true });
  }
}

// Where somebody begins: what says so, a field, or the way out that changes nothing. Not the cross, which happens to
// stand first. Nor a choice that is made already: Enter on it would send, and held down would answer two questions.
const FIELDS = ":is(input:not([type=hidden], [type=radio]), select, textarea):not(:disabled)";
const firstOf = (dialog) =>
  find("[data-begins]", dialog) ??
  find(`.sheet-body ${FIELDS}`, dialog) ??
  find(".sheet-foot .btn, .sheet-body .btn", dialog);

const sending = (dialog) => find("form.htmx-request:not(#look)", dialog);

// What has been sent cannot be taken back by looking away: the dialog stays until it is answered, and says so.
function stays(dialog) {
  const form = sending(dialog);
  if (!form) return false;
  let said = find(".already-sent", form);
  if (!said) {
    said = document.createElement("p");
    said.className = "already-sent";
    said.setAttribute("role", "status");
    (find(".sheet-foot", form) ?? form).prepend(said);
  }
  said.textContent = document.body.dataset.textSent;
  return true;
}

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const dialog = document.getElementById(detail.elt.id)?.closest("#dialogs dialog:not([open])");
  if (!dialog) return;
  if (detail.xhr.status === 204) dialog.remove();
  else dialog.showModal();
});
document.addEventListener("htmx:afterRequest", ({ detail }) => find(".already-sent", detail.elt)?.remove());

function closeDialogs() {
  for (const dialog of all("dialog[open]", host)) dialog.close();
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-close]")) return;
  const dialog = event.target.closest("dialog");
  if (dialog) {
    event.preventDefault();
    if (!stays(dialog)) dialog.close();
  }
});

// Not before htmx knows the form in it: whoever is quick would send it past htmx and leave the page.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target === host) showDialogs();
});

document.addEventListener("htmx:afterSwap", (event) => {
  // The target itself has been replaced and is in no dialog any more.
  const form = document.getElementById(event.detail.target.id);
  if (!form?.matches("dialog form")) return;
  const wrong = find('[aria-invalid="true"], [role="alert"]', form);
  if (wrong) return wrong.focus();
  // The next question of the same dialog: the button that was pressed is gone.
  if (!form.contains(document.activeElement)) firstOf(form.closest("dialog"))?.focus();
});
document.addEventListener("close-dialog", closeDialogs);
