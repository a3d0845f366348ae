// A session that has ended: sign in, and the request goes out again.
import { all, find } from "./dom.js";

let interrupted = null;
let asking = false;

function showSignIn() {
  const dialog = find("#sign-in-host dialog");
  if (!dialog) return;
  // Closed without an answer, what was interrupted is given up; the next poll asks again.
  dialog.addEventListener("close", () => {
    dialog.remove();
    interrupted = null;
  });
  dialog.showModal();
}

// Asks to sign in, and remembers `request` (htmx's requestConfig), which the server answered with 401.
export function signIn(request) {
  const poll = request.elt.matches("[data-poll]");
  // What was sent to change something is not given up for a question that went out along with it.
  if (!interrupted || (!poll && interrupted.verb !== "post")) interrupted = request;
  if (asking || find("#sign-in-host dialog")) return;
  asking = true;
  const asked = htmx.ajax("GET", document.body.dataset.signIn, { target: "#sign-in-host", swap: "innerHTML" });
  asked.then(showSignIn).finally(() => (asking = false));
}

document.addEventListener("signed-in", (event) => {
  for (const input of all('input[name="csrfmiddlewaretoken"]')) input.value = event.detail.csrf;
  find("#sign-in-host dialog")?.close();
  const request = interrupted;
  interrupted = null;
  if (!request || !request.elt.isConnected) return;
  const values = request.formData ?? new FormData();
  htmx.ajax(request.verb, request.path, { source: request.elt, target: request.target, values });
});

// The token of the session as it is now: signing in again, here or in another tab, makes those of the page's forms old
// ones.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  // What a page asks by itself keeps no session alive.
  if (detail.triggeringEvent?.type === "poll") detail.headers["X-Poll"] = "1";
  const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
  if (!token) return;
  detail.headers["X-CSRFToken"] = token;
  delete detail.parameters.csrfmiddlewaretoken;
});
