"use strict";
(() => {
  const body = document.body;
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // A forbidden control keeps focus and its place; it only does nothing. Captured, so that htmx never hears of it.
  for (const kind of ["click", "submit"]) {
    document.addEventListener(kind, (event) => {
      const control = event.submitter ?? event.target;
      if (!control.closest?.('[aria-disabled="true"]')) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
  }

  /* Menus: the ARIA menu button pattern. */

  let open = null;

  const menuOf = (button) => document.getElementById(button.getAttribute("aria-controls"));
  const itemsOf = (menu) => all('[role^="menuitem"]', menu);

  function place(button, menu) {
    const at = button.getBoundingClientRect();
    // Where it was left before would squeeze it and falsify its size.
    menu.style.top = menu.style.left = "0";
    const below = innerHeight - at.bottom > menu.offsetHeight + 8 || at.top < menu.offsetHeight;
    menu.style.top = `${Math.max(4, below ? at.bottom + 4 : at.top - menu.offsetHeight - 4)}px`;
    menu.style.left = `${Math.max(4, Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 4))}px`;
  }

  function openMenu(button, last = false) {
    closeMenu(false);
    const menu = menuOf(button);
    menu.hidden = false;
    button.setAttribute("aria-expanded", "true");
    open = { button: button.id, menu: menu.id };
    place(button, menu);
    itemsOf(menu).at(last ? -1 : 0)?.focus();
  }

  function closeMenu(focus = true) {
    if (!open) return;
    const button = document.getElementById(open.button);
    const menu = document.getElementById(open.menu);
    open = null;
    if (menu) menu.hidden = true;
    button?.setAttribute("aria-expanded", "false");
    if (focus) button?.focus();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-menu]");
    if (button) return button.getAttribute("aria-expanded") === "true" ? closeMenu() : openMenu(button);
    if (open && event.target.closest('[role^="menuitem"]')) return closeMenu();
    if (open && !event.target.closest('[role="menu"]')) closeMenu(false);
  });

  function moveInMenu(menu, event) {
    const items = itemsOf(menu);
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) return items.at(to % items.length);
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey) return null;
    const named = (item) => item.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase());
    return [...items.slice(at + 1), ...items.slice(0, at + 1)].find(named);
  }

  document.addEventListener("keydown", (event) => {
    const button = event.target.closest?.("[data-menu]");
    if (button && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      return openMenu(button, event.key === "ArrowUp");
    }
    const menu = event.target.closest?.('[role="menu"]');
    if (!menu || !open) return;
    if (event.key === "Escape") return closeMenu();
    if (event.key === "Tab") return closeMenu(false);
    const item = event.key === " " || event.key === "Enter" ? null : moveInMenu(menu, event);
    if (!item) return;
    event.preventDefault();
    item.focus();
  });

  // A page that scrolls or grows under an open menu takes the menu along.
  function follow() {
    const button = open && document.getElementById(open.button);
    if (button) place(button, document.getElementById(open.menu));
  }
  addEventListener("resize", follow);
  document.addEventListener("scroll", follow, true);

  /* Dialogs: native, one at a time, filled by htmx. */

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

  // Where somebody begins: what says so, a field, or the way out that changes nothing. Not the cross, which happens to stand first.
  // Nor a choice that is made already: Enter on it would send, and held down would answer two questions.
  const FIELDS = ":is(input:not([type=hidden], [type=radio]), select, textarea):not(:disabled)";
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
    said.textContent = body.dataset.textSent;
    return true;
  }

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const dialog = document.getElementById(detail.elt.id)?.closest("#dialogs dialog:not([open])");
    if (!dialog) return;
    if (detail.xhr.status === 204) dialog.remove();
    else dialog.showModal();
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => find(".already-sent", detail.elt)?.remove());

  const firstOf = (dialog) =>
    find("[data-begins]", dialog) ?? find(`.sheet-body ${FIELDS}`, dialog) ?? find(".sheet-foot .btn, .sheet-body .btn", dialog);

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
    if (event.detail.target.id === "live" && event.detail.requestConfig?.verb === "post") {
      find('#live [aria-invalid="true"], #live [role="alert"]')?.focus();
    }
    // The target itself has been replaced and is in no dialog any more.
    const form = document.getElementById(event.detail.target.id);
    if (!form?.matches("dialog form")) return;
    const wrong = find('[aria-invalid="true"], [role="alert"]', form);
    if (wrong) return wrong.focus();
    // The next question of the same dialog: the button that was pressed is gone.
    if (!form.contains(document.activeElement)) firstOf(form.closest("dialog"))?.focus();
  });
  document.addEventListener("close-dialog", closeDialogs);

  /* Forms that htmx does not send: once, however often the button is pressed; and a search is no reason to leave the page. */

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches('[role="search"]') && find("[hx-get]", form)) return event.preventDefault();
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    // A navigation that was stopped may be begun again.
    setTimeout(() => delete form.dataset.sent, 5000);
  });
  // Back shows the page as it was left.
  addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));

  /* Focus: what is swapped under it, moves or goes takes it along to the nearest that stood before it. */

  const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
  let line = [];

  document.addEventListener("htmx:beforeSwap", (event) => {
    const at = document.activeElement;
    if (!event.detail.target.contains(at)) return void (line = []);
    const stops = all(FOCUSABLE, event.detail.target);
    line = stops.slice(0, stops.indexOf(at) + 1).map((stop) => stop.id);
  });

  function refocus() {
    if (!line.length || (document.activeElement && document.activeElement !== body)) return;
    const stops = line.map((id) => id && document.getElementById(id));
    const stop = stops.findLast((each) => each && each.tabIndex >= 0 && !each.disabled && each.checkVisibility());
    (stop ?? document.getElementById("main"))?.focus({ preventScroll: true });
  }

  document.addEventListener("htmx:afterSwap", refocus);

  /* Toasts: what has been done, for a while; what went wrong, until it is closed. */

  function toast(text, tone = "good") {
    const box = find("#toast-template").content.firstElementChild.cloneNode(true);
    box.dataset.tone = tone;
    find("[data-text]", box).textContent = text;
    document.getElementById("toasts").append(box);
    arm(box);
  }

  function arm(box) {
    find("button", box).addEventListener("click", () => box.remove());
    if (box.dataset.tone === "good") setTimeout(() => box.remove(), 6000);
  }

  // Those that came with the page.
  all("#toasts .toast-box").forEach(arm);

  // Over an open dialog a toast could neither be reached nor closed: what went wrong stands in the dialog, beside what was typed.
  function complain(element, text) {
    const sheet = find(".sheet-body", element.closest("dialog") ?? document.createElement("div"));
    if (!sheet) return toast(text, "bad");
    const box = find(".went-wrong", sheet) ?? document.createElement("div");
    box.className = "went-wrong alert alert-danger mb-3";
    box.setAttribute("role", "alert");
    box.textContent = text;
    sheet.prepend(box);
  }

  document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.tone));
  for (const kind of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(kind, (event) => {
      if (!event.detail.elt.matches("[data-poll]")) complain(event.detail.elt, body.dataset.textOffline);
    });
  }
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr, elt } = event.detail;
    if (xhr.status === 401) return signIn(event.detail.requestConfig);
    if (!elt.matches("[data-poll]")) complain(elt, body.dataset[`text${xhr.status}`] ?? body.dataset.text500);
  });

  /* A session that has ended: sign in, and the request goes out again. */

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

  function signIn(request) {
    const poll = request.elt.matches("[data-poll], [data-strip]");
    // What was sent to change something is not given up for a question that went out along with it.
    if (!interrupted || (!poll && interrupted.verb !== "post")) interrupted = request;
    if (asking || find("#sign-in-host dialog")) return;
    asking = true;
    const asked = htmx.ajax("GET", body.dataset.signIn, { target: "#sign-in-host", swap: "innerHTML" });
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

  // The token of the session as it is now: signing in again, here or in another tab, makes those of the page's forms old ones.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    // What a page asks by itself keeps no session alive.
    if (detail.triggeringEvent?.type === "poll") detail.headers["X-Poll"] = "1";
    const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
    if (!token) return;
    detail.headers["X-CSRFToken"] = token;
    delete detail.parameters.csrfmiddlewaretoken;
  });

  // A poll that was on its way when the search changed asked for what is no longer wanted.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const { elt, path } = detail.requestConfig;
    if (elt.matches("[data-poll]") && elt.getAttribute("hx-get") !== path) detail.shouldSwap = false;
  });

  /* Polling: never moves focus, closes a menu or clears a tick, and rests while nobody looks. */

  const asked = new Map();

  function poll(element) {
    asked.set(element.id, Date.now());
    htmx.trigger(element, "poll");
  }

  setInterval(() => {
    if (document.visibilityState !== "visible" || find("#sign-in-host dialog")) return;
    for (const element of all("[data-poll]")) {
      if (!asked.has(element.id)) asked.set(element.id, Date.now());
      if (Date.now() - asked.get(element.id) >= Number(element.dataset.poll) * 1000) poll(element);
    }
  }, 500);
  document.addEventListener("refresh", () => all("[data-poll]").forEach(poll));

  const kept = (node, name) => (node.dataset?.keep ?? "").split(" ").includes(name);

  // What a person was told stays through polls, until they send something else.
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.requestConfig.verb === "post") for (const told of all("[data-stays]", detail.target)) told.remove();
  });

  Object.assign(Idiomorph.defaults.callbacks, {
    beforeNodeRemoved: (node) => !node.matches?.("[data-stays]"),
    beforeNodeMorphed(from, to) {
      if (from.nodeType !== Node.ELEMENT_NODE || to.nodeType !== Node.ELEMENT_NODE) return true;
      if (from === document.activeElement && from.matches("input, textarea, select") && !from.matches("[type=checkbox], [type=radio]")) return false;
      if (from.matches("input[type=checkbox], input[type=radio]") && !to.disabled) to.checked = from.checked;
      return true;
    },
    beforeAttributeUpdated(name, node) {
      if (name === "style") return false;
      if (name === "aria-expanded" && node.matches("[data-menu]")) return false;
      return !kept(node, name);
    },
  });

  /* Rows that open and close, and buttons that need a ticked row. */

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-toggle-rows]");
    if (!button) return;
    button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") !== "true"));
    foldRows(button);
  });

  function foldRows(button) {
    const closed = button.getAttribute("aria-expanded") === "false";
    for (const row of all(`[data-rows="${button.dataset.toggleRows}"]`)) row.hidden = closed;
  }

  // A row that comes into a group that is closed.
  document.addEventListener("htmx:afterSettle", () => all('[data-toggle-rows][aria-expanded="false"]').forEach(foldRows));

  // A search over rows that are all in the page; what is ticked stays in sight.
  document.addEventListener("input", (event) => {
    const list = event.target.dataset?.filter;
    if (!list) return;
    const wanted = event.target.value.trim().toLowerCase();
    const rows = all(`${list} [data-words]`);
    for (const row of rows) row.hidden = !row.dataset.words.toLowerCase().includes(wanted) && !find("input:checked", row);
    const said = find(`[data-filter-none="${list}"]`);
    said.textContent = rows.every((row) => row.hidden) ? said.dataset.text : "";
  });

  function ticks() {
    for (const button of all("[data-needs-tick]")) {
      const none = all(`${button.dataset.needsTick} input[type=checkbox]:checked`).length === 0;
      button.setAttribute("aria-disabled", String(none));
    }
  }

  // A button that waits for its plan.
  function awaited() {
    for (const button of all("[data-awaits]")) button.setAttribute("aria-disabled", String(!find(button.dataset.awaits)));
  }

  document.addEventListener("change", (event) => {
    const master = event.target.closest("[data-tick-all]");
    if (master) for (const box of all(`${master.dataset.tickAll} input[name]:not(:disabled)`)) box.checked = master.checked;
    ticks();
  });

  /* Narrow windows: where one is, and what is wrong, are in sight from the beginning. */

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
  if (drawn) bringIntoSight(drawn, find(".node.tone-bad", drawn) ?? find(".node.tone-warn", drawn) ?? find(".hub", drawn));

  /* Theme, language, what a rollout says aloud. */

  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-set-theme]");
    if (!choice) return;
    const theme = choice.dataset.setTheme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
    document.documentElement.dataset.theme = theme;
    const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.setAttribute("data-bs-theme", dark ? "dark" : "light");
    for (const item of all("[data-set-theme]")) item.setAttribute("aria-checked", String(item === choice));
  });

  const strip = () => find("[data-announce]")?.dataset ?? {};
  // Two rollouts may do, and say, the same.
  const words = () => `${strip().rollout} ${strip().announce}`;
  let said = words();

  function announce() {
    if (words() === said) return;
    said = words();
    if (strip().announce) document.getElementById("announcer").textContent = strip().announce;
  }

  document.addEventListener("htmx:afterSettle", () => {
    ticks();
    awaited();
    announce();
  });
  ticks();
})();
