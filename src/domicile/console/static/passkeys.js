/*
 * Passkeys on pages (WebAuthn Level 3, sections 5.1 and 5.6). A page works without this file: its forms for them stay hidden.
 * Where the browser has no passkeys, they stay hidden too, and what has `data-no-passkeys` shows in their place.
 *
 * A form says what it wants by its attributes:
 *
 *   <form method="post" action="/sign-in/passkey" hidden
 *         data-passkey="get"              or "create", for a new one
 *         data-options="{...}"            the options as JSON, as the API gives them under `passkey`
 *         data-options-from="/path"       or where to ask for them, by POST, when they are wanted: {"options": {...}, "lasts": 300}
 *         data-lasts="300"                for how many seconds the challenge is good, since the page was loaded (may be left out)
 *         data-autofill                   offer passkeys in the field with autocomplete="username webauthn" (may be left out)
 *         data-cancelled="..." data-failed="..." data-known="..." data-over="..." data-unreached="...">   what to tell (may be left out)
 *     <input type="hidden" name="credential">   gets the browser's answer as JSON; then the form is sent as usual
 *     <p role="status" data-told></p>           gets what there is to tell
 *     <button>Use a passkey</button>
 *   </form>
 *
 * Nothing is kept, and nobody is asked but this server: the page's policy needs `script-src 'self'; connect-src 'self'`. No markup is
 * made of text, so that it may say `require-trusted-types-for 'script'; trusted-types 'none'`, too.
 */
"use strict";

(() => {
  const TOLD = {
    cancelled: "Nothing was chosen. Try again, or go on another way.",
    failed: "This browser could not do it. Go on another way.",
    known: "This device holds a passkey of yours already.",
    over: "That took too long. Load the page again.",
    again: "That took too long. Try again.",
    unreached: "The server did not answer. Try again in a while.",
  };
  // Pages of one browser share the cookie of what was asked last: who asks tells the others that theirs is over.
  const others = window.BroadcastChannel ? new BroadcastChannel("passkeys") : null;
  let waiting = null;
  let fetching = null;
  let offerQuietly = () => {};

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
    return Boolean(form.dataset.overAt) && Date.now() >= Number(form.dataset.overAt);
  }

  function tell(form, what) {
    const place = form.querySelector("[data-told]");
    if (place) {
      place.textContent = what ? form.dataset[what] || TOLD[what] : "";
    }
  }

  function prepare(form) {
    const from = form.dataset.optionsFrom;
    if (!from || (form.dataset.options && !isOver(form))) {
      return null;
    }
    // The quiet question and the button share one answer.
    fetching = fetching || fetchOptions(form, from).finally(() => (fetching = null));
    return fetching;
  }

  async function fetchOptions(form, from) {
    const answer = await fetch(from, { method: "POST" }).catch(() => null);
    if (!answer || !answer.ok) {
      throw new DOMException(`${from} was not answered`, "NetworkError");
    }
    const asked = await answer.json();
    form.dataset.options = JSON.stringify(asked.options);
    form.dataset.overAt = Date.now() + asked.lasts * 1000;
    if (others) {
      others.postMessage(from);
    }
  }

  async function ask(form, more) {
    await prepare(form);
    const options = JSON.parse(form.dataset.options);
    return form.dataset.passkey === "create"
      ? navigator.credentials.create({ publicKey: readCreation(options), ...more })
      : navigator.credentials.get({ publicKey: readRequest(options), ...more });
  }

  function send(form, credential) {
    if (isOver(form)) {
      tell(form, form.dataset.optionsFrom ? "again" : "over");
      return false;
    }
    form.elements.namedItem("credential").value = JSON.stringify(write(credential));
    form.submit();
    return true;
  }

  function reasonOf(error) {
    if (error.name === "InvalidStateError") {
      return "known";
    }
    if (error.name === "NetworkError") {
      return "unreached";
    }
    return error.name === "NotAllowedError" || error.name === "AbortError" ? "cancelled" : "failed";
  }

  async function press(form) {
    if (isOver(form) && !form.dataset.optionsFrom) {
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
    let isSent = false;
    try {
      isSent = send(form, await ask(form, {}));
    } catch (error) {
      tell(form, reasonOf(error));
    } finally {
      form.removeAttribute("aria-busy");
    }
    if (!isSent) {
      offerQuietly();
    }
  }

  async function offer(form) {
    const quiet = new AbortController();
    waiting = quiet;
    let isSent = false;
    try {
      isSent = send(form, await ask(form, { mediation: "conditional", signal: quiet.signal }));
    } catch {
      // Nobody asked aloud, so that nobody is told: the page is there with its other ways.
    }
    if (waiting === quiet && !isSent) {
      waiting = null;
      if (isOver(form)) {
        offerQuietly();
      }
    }
  }

  async function keepOffering(form) {
    const can = PublicKeyCredential.isConditionalMediationAvailable;
    if (!can || !(await can.call(PublicKeyCredential))) {
      return;
    }
    offerQuietly = () => {
      // A question that stands is left alone, and so is one that was asked aloud; a page that nobody sees asks nothing.
      if (document.hidden || form.hasAttribute("aria-busy") || (waiting && !isOver(form))) {
        return;
      }
      if (waiting) {
        waiting.abort();
      }
      void offer(form);
    };
    window.addEventListener("focus", offerQuietly);
    document.addEventListener("visibilitychange", offerQuietly);
    offerQuietly();
  }

  function begin() {
    if (!window.PublicKeyCredential || !navigator.credentials) {
      for (const place of document.querySelectorAll("[data-no-passkeys]")) {
        place.hidden = false;
      }
      return;
    }
    for (const form of document.querySelectorAll("form[data-passkey]")) {
      form.hidden = false;
      if (form.dataset.lasts) {
        // By this clock alone: it need not go as the server's does.
        form.dataset.overAt = Date.now() + Number(form.dataset.lasts) * 1000;
      }
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (!form.hasAttribute("aria-busy")) {
          void press(form);
        }
      });
      if (others && form.dataset.optionsFrom) {
        others.addEventListener("message", (event) => {
          if (event.data === form.dataset.optionsFrom) {
            form.dataset.overAt = 0;
          }
        });
      }
      if (form.hasAttribute("data-autofill")) {
        void keepOffering(form);
      }
    }
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", begin);
  } else {
    begin();
  }
})();
