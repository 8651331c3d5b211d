// Passkeys: a form with data-passkey ("create" or "get") and data-options (the JSON of the
// ceremony) asks the browser and sends its answer in the field "credential". Nothing else.
"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const described = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

function publicKey(form) {
  const options = JSON.parse(form.dataset.options);
  options.challenge = bytes(options.challenge);
  if (form.dataset.passkey === "get") {
    return { ...options, allowCredentials: described(options.allowCredentials) };
  }
  options.user.id = bytes(options.user.id);
  return { ...options, excludeCredentials: described(options.excludeCredentials) };
}

function answer(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

async function ask(form) {
  const wanted = { publicKey: publicKey(form) };
  const kind = form.dataset.passkey;
  const credential = await (kind === "create"
    ? navigator.credentials.create(wanted)
    : navigator.credentials.get(wanted));
  form.elements.credential.value = answer(credential);
  form.submit();
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) break;
  const failed = form.querySelector("[data-failed]");
  form.hidden = false;
  for (const other of document.querySelectorAll("[data-without-passkey]")) other.hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    failed.hidden = true;
    ask(form).catch(() => { failed.hidden = false; });
  });
}
