/*
 * The strength of a new password while it is typed. A page works without this file: its rules are in words beside the field, and the
 * server judges when the form is sent. It judges here too, by the same rules, so that a page never says what the server does not.
 *
 *   <input id="password" name="password" type="password" aria-describedby="password-strength">
 *   <div id="password-strength" role="status" data-strength-of="password" data-label="Password"
 *        data-mfa                        who it is for has a second factor beside it (may be left out)
 *        data-email="..." data-name="...">   who it is for, where the form has no such fields (may be left out)
 *     <p hidden data-verdict><meter min="0" max="5"></meter> <strong data-word></strong></p>
 *     <p data-why></p>
 *   </div>
 *
 * Nothing is sent but the password, the address and the name, and whether there is a second factor, to this server; nothing is kept.
 * The page's policy needs `script-src 'self'; connect-src 'self'`, and no markup is made of text, so that it may say
 * `require-trusted-types-for 'script'; trusted-types 'none'`, too. An answer that does not come, or says that too many ask, leaves the page as it was.
 */
"use strict";

(() => {
  const PAUSE_MILLISECONDS = 250;
  const WORDS = ["Very weak", "Weak", "Fair", "Good", "Strong"];

  function whom(input, shown, name) {
    const field = input.form.elements.namedItem(name);
    return (field && field.value) || shown.dataset[name] || undefined;
  }

  async function rate(input, shown, signal) {
    const answer = await fetch("/api/password/check", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Api-Version": "v1" },
      body: JSON.stringify({
        password: input.value,
        email: whom(input, shown, "email"),
        name: whom(input, shown, "name"),
        mfaEnabled: "mfa" in shown.dataset,
      }),
      credentials: "omit",
      signal,
    });
    if (answer.status === 400) {
      return refusal(await answer.json());
    }
    return answer.ok ? answer.json() : null;
  }

  /* What cannot be a password is not rated but refused, in the words in which the form would be. */
  function refusal(problem) {
    const why = problem.fields && problem.fields.password;
    return why ? { acceptable: false, score: 0, why, suggestions: [] } : null;
  }

  function sentence(label, why) {
    return `${label}${/^(must|is )/.test(why) ? " " : ": "}${why}.`;
  }

  function word(rating) {
    return rating.acceptable ? WORDS[rating.score] : "Not accepted";
  }

  function show(shown, rating) {
    const verdict = shown.querySelector("[data-verdict]");
    verdict.hidden = !rating;
    verdict.dataset.score = rating && rating.acceptable ? rating.score : "refused";
    verdict.querySelector("meter").value = rating && rating.acceptable ? rating.score + 1 : 1;
    verdict.querySelector("[data-word]").textContent = rating ? word(rating) : "";
    const why = rating && rating.why ? [sentence(shown.dataset.label, rating.why)] : [];
    const told = rating ? [...why, ...rating.suggestions.slice(0, 2 - why.length)] : [];
    shown.querySelector("[data-why]").textContent = told.join(" ");
  }

  /* What the form said was of another password, and would stand against what is told of this one. */
  function forgetRefusal(input) {
    const said = document.getElementById(`${input.id}-error`);
    if (said) {
      said.remove();
      input.removeAttribute("aria-invalid");
    }
  }

  function watch(shown) {
    const input = document.getElementById(shown.dataset.strengthOf);
    let pausing = 0;
    let asking = null;

    function leave() {
      clearTimeout(pausing);
      if (asking) {
        asking.abort();
        asking = null;
      }
    }

    async function judge() {
      asking = new AbortController();
      const { signal } = asking;
      try {
        const rating = await rate(input, shown, signal);
        if (!signal.aborted) {
          show(shown, rating);
          if (rating) {
            forgetRefusal(input);
          }
        }
      } catch {
        if (!signal.aborted) {
          show(shown, null);
        }
      }
    }

    function again() {
      leave();
      if (input.value) {
        pausing = setTimeout(judge, PAUSE_MILLISECONDS);
      } else {
        show(shown, null);
      }
    }

    // Another address or name makes the same password another one.
    for (const name of [input.name, "email", "name"]) {
      const field = input.form.elements.namedItem(name);
      if (field) {
        field.addEventListener("input", again);
      }
    }
    input.form.addEventListener("submit", leave);
    input.after(revealing(input));
  }

  function revealing(input) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-small field-reveal";
    button.textContent = "Show password";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-controls", input.id);
    button.addEventListener("click", () => {
      const isShown = input.type === "text";
      input.type = isShown ? "password" : "text";
      button.setAttribute("aria-pressed", String(!isShown));
    });
    // A browser keeps what was typed into text fields, and not what was typed into these.
    input.form.addEventListener("submit", () => (input.type = "password"));
    return button;
  }

  for (const shown of document.querySelectorAll("[data-strength-of]")) {
    watch(shown);
  }
})();
