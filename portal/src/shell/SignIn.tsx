// The small form before the map, for who comes without the link that `highroad up` prints.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, Problem, signIn } from "../api/client";
import { keepWhere } from "../api/session";
import { Mark } from "../parts/Mark";
import { t } from "../words/en";
import { sentence } from "../words/figures";

/** Shows the form until somebody is signed in. */
export function SignIn({ said, done }: { said: string; done: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [trouble, say] = useState(said);
  const [busy, work] = useState(false);
  const [openid, offer] = useState(false);
  useEffect(() => {
    field.current?.focus();
    // Where it cannot be asked, a token still works.
    ask("GET /v1/session/ways").then(
      (ways) => offer(ways.openid),
      () => undefined,
    );
  }, []);
  const send = (event: Event): void => {
    event.preventDefault();
    work(true);
    say("");
    signIn({ token: field.current?.value.trim() ?? "" })
      .then(done)
      .catch((error: unknown) => {
        work(false);
        say(error instanceof Problem ? sentence(error.message) : t.signIn.failed);
        field.current?.select();
      });
  };
  return (
    <form class="signin" onSubmit={send}>
      <div class="signin-brand">
        <Mark />
        <h1>{t.signIn.title}</h1>
      </div>
      {openid && (
        <>
          <a class="main elsewhere" href="/v1/session/openid" onClick={keepWhere}>
            {t.signIn.openid}
          </a>
          <p class="nothing">{t.signIn.or}</p>
        </>
      )}
      {/* For password managers, which keep a secret under a name. */}
      <input
        type="text"
        class="unseen"
        name="username"
        autocomplete="username"
        value="highroad"
        readOnly
        tabIndex={-1}
        aria-hidden="true"
      />
      <label for="token">{t.signIn.token}</label>
      <input type="password" id="token" name="token" autocomplete="current-password" required spellcheck={false} ref={field} />
      <p class="trouble" role="alert">
        {trouble}
      </p>
      <button class="main" type="submit" disabled={busy}>
        {t.signIn.go}
      </button>
      <p class="nothing">{t.signIn.hint}</p>
    </form>
  );
}
