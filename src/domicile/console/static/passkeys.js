/*
 * Passkeys on pages (WebAuthn Level 3, sections 5.1 and 5.6). A page works without this file: its forms for them stay hidden.
 *
 * A form says what it wants by its attributes:
 *
 *   <form method="post" action="/sign-in/passkey" hidden
 *         data-passkey="get"              or "create", for a new one
 *         data-options="{...}"            the options as JSON, as the API gives them under `passkey`
 *         data-expires="2026-05-01T08:05:00Z"   when the challenge is over (may be left out)
 *         data-autofill                   offer passkeys in the field with autocomplete="username webauthn" (may be left out)
 *         data-cancelled="..." data-failed="..." data-known="..." data-over="...">   what to tell (may be left out)
 *     <input type="hidden" name="credential">   gets the browser's answer as JSON; then the form is sent as usual
 *     <p role="status" data-told></p>           gets what there is to tell
 *     <button>Use a passkey</button>
 *   </form>
 *
 * Nothing is fetched and nothing is kept: the page's policy needs `script-src 'self'` and no more.
 */
"use strict";

(() => {
  const TOLD = {
    cancelled: "Nothing was chosen. Try again, or go on another way.",
    failed: "This browser could not do it. Go on another way.",
    known: "This device holds a passkey of yours already.",
    over: "That took too long. Load the page again.",
  };
  let waiting = null;

  function toBytes(text) {
    const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  }

  function toText(buffer) {
    const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
    return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function withBytes(descriptors) {
    return (descriptors || []).map((one) => ({ ...one, id: toBytes(one.id) }));
  }

  function readRequest(options) {
    if (PublicKeyCredential.parseRequestOptionsFromJSON) {
      return PublicKeyCredential.parseRequestOptionsFromJSON(options);
    }
    return { ...options, challenge: toBytes(options.challenge), allowCredentials: withBytes(options.allowCredentials) };
  }

  function readCreation(options) {
    if (PublicKeyCredential.parseCreationOptionsFromJSON) {
      return PublicKeyCredential.parseCreationOptionsFromJSON(options);
    }
    return {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: withBytes(options.excludeCredentials),
    };
  }

  function write(credential) {
    if (credential.toJSON) {
      try {
        return credential.toJSON();
      } catch {
        // Keepers of passkeys that put an object of their own in the browser's place may not know how.
      }
    }
    const from = credential.response;
    const response = { clientDataJSON: toText(from.clientDataJSON) };
    if (from.attestationObject) {
      response.attestationObject = toText(from.attestationObject);
      response.transports = from.getTransports ? from.getTransports() : [];
    } else {
      response.authenticatorData = toText(from.authenticatorData);
      response.signature = toText(from.signature);
      if (from.userHandle) {
        response.userHandle = toText(from.userHandle);
      }
    }
    return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
  }

  function isOver(form) {
    return Boolean(form.dataset.expires) && Date.now() >= Date.parse(form.dataset.expires);
  }

  function tell(form, what) {
    const place = form.querySelector("[data-told]");
    if (place) {
      place.textContent = what ? form.dataset[what] || TOLD[what] : "";
    }
  }

  function ask(form, more) {
    const options = JSON.parse(form.dataset.options);
    return form.dataset.passkey === "create"
      ? navigator.credentials.create({ publicKey: readCreation(options), ...more })
      : navigator.credentials.get({ publicKey: readRequest(options), ...more });
  }

  function send(form, credential) {
    if (isOver(form)) {
      tell(form, "over");
      return;
    }
    form.elements.namedItem("credential").value = JSON.stringify(write(credential));
    form.submit();
  }

  function reasonOf(error) {
    if (error.name === "InvalidStateError") {
      return "known";
    }
    return error.name === "NotAllowedError" || error.name === "AbortError" ? "cancelled" : "failed";
  }

  async function press(form) {
    if (isOver(form)) {
      tell(form, "over");
      return;
    }
    if (waiting) {
      // One question at a time: the quiet one in the address field makes way.
      waiting.abort();
      waiting = null;
    }
    tell(form, "");
    form.setAttribute("aria-busy", "true");
    try {
      send(form, await ask(form, {}));
    } catch (error) {
      tell(form, reasonOf(error));
    } finally {
      form.removeAttribute("aria-busy");
    }
  }

  async function offer(form) {
    const can = PublicKeyCredential.isConditionalMediationAvailable;
    if (!can || !(await can.call(PublicKeyCredential))) {
      return;
    }
    waiting = new AbortController();
    try {
      send(form, await ask(form, { mediation: "conditional", signal: waiting.signal }));
    } catch {
      // Nobody asked aloud, so that nobody is told: the page is there with its other ways.
    }
  }

  function begin() {
    if (!window.PublicKeyCredential || !navigator.credentials) {
      return;
    }
    for (const form of document.querySelectorAll("form[data-passkey]")) {
      form.hidden = false;
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (!form.hasAttribute("aria-busy")) {
          void press(form);
        }
      });
      if (form.hasAttribute("data-autofill")) {
        void offer(form);
      }
    }
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", begin);
  } else {
    begin();
  }
})();
