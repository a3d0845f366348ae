// Registration: a file that is too large is told so when it is chosen, and is not sent. The form says how large it may be
// (`data-file-limit`, in bytes).

function say(input, text) {
  const id = `${input.id}_too_large`;
  const described = (input.getAttribute("aria-describedby") ?? "").split(" ").filter((name) => name && name !== id);
  document.getElementById(id)?.remove();
  if (text) {
    const box = Object.assign(document.createElement("div"), { id, className: "field-error", textContent: text });
    box.setAttribute("role", "alert");
    input.after(box);
    described.push(id);
    input.setAttribute("aria-invalid", "true");
  } else {
    input.removeAttribute("aria-invalid");
  }
  input.setAttribute("aria-describedby", described.join(" "));
}

document.addEventListener("change", (event) => {
  const limit = Number(event.target.form?.dataset.fileLimit);
  if (!limit || !event.target.matches("input[type=file]")) return;
  const large = [...event.target.files].some((file) => file.size > limit);
  if (large) event.target.value = "";
  say(event.target, large ? event.target.form.dataset.textFileTooLarge : "");
});
