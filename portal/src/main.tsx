// Wires the page: who is there, what is known, what is shown. The order of things is the order of this file.
import "./style";
import { options, render } from "preact";
import { ask, Problem, signIn, signOut, whenEnded } from "./api/client";
import type { WhoOut } from "./api/schema";
import { backWhere, forget, leaveWord, maybe, remember, word } from "./api/session";
import { MapView } from "./map/view";
import { PageProvider, type Page } from "./page";
import { drop } from "./places/order/kept";
import { App } from "./shell/App";
import { cameBack, code } from "./state/address";
import { follow, pick } from "./state/go";
import { Time } from "./state/moment";
import { Store } from "./state/store";
import { followStory } from "./state/story";
import { Sync } from "./state/sync";
import { t } from "./words/en";
import { sentence } from "./words/figures";

const root = document.querySelector<HTMLElement>("#app") ?? document.body;
const AGAIN_MS = 2000;

// A thousand changes between two frames are drawn once. Nobody looks at a page that is hidden, and it gets no frames.
options.debounceRendering = (draw) => {
  if (document.hidden) setTimeout(draw, 250);
  else requestAnimationFrame(draw);
};

async function who(): Promise<WhoOut> {
  let trouble = word() ? t.signIn.ended : "";
  const back = cameBack(location.hash);
  if (back !== null) {
    // From the identity provider: to what was looked at before.
    history.replaceState(null, "", location.pathname + location.search + backWhere());
    if (back === "signed-in") remember();
    else trouble = t.signIn.refused(back);
  }
  const once = code(location.hash);
  if (once !== null) {
    // A code works once: it has no business in the address, the history or a bookmark.
    history.replaceState(null, "", location.pathname + location.search);
    try {
      await signIn({ code: once });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const refused = error.status === 401 || error.status === 400 || error.status === 422;
      trouble = refused ? t.signIn.spent : sentence(error.message);
    }
  }
  let outside = !maybe();
  for (;;) {
    if (outside) {
      await askToSignIn(trouble);
      [outside, trouble] = [false, ""];
    }
    try {
      return await ask("GET /v1/session");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401) {
        forget();
        outside = true;
      } else {
        render(<p class="waiting">{t.again(error.message)}</p>, root);
        await new Promise((again) => setTimeout(again, AGAIN_MS));
      }
    }
  }
}

async function askToSignIn(said: string): Promise<void> {
  const { SignIn } = await import("./shell/SignIn");
  await new Promise<void>((done) => render(<SignIn said={said} done={done} />, root));
}

async function run(me: WhoOut): Promise<void> {
  const store = new Store(me);
  const over = (): void => {
    forget();
    leaveWord();
    location.reload();
  };
  whenEnded(over);
  const sync = new Sync(store, over);
  const map = new MapView((selection) => pick(store, selection));
  const leave = (): void => {
    drop();
    void signOut().finally(() => location.reload());
  };
  const time = new Time(store);
  const page: Page = { store, sync, map, time, leave };
  follow(store);
  time.follow();
  followStory(store);
  render(
    <PageProvider value={page}>
      <App />
    </PageProvider>,
    root,
  );
  try {
    await sync.start();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) over();
    sync.stop();
    store.change({ trouble: t.again(error.message) });
    setTimeout(() => location.reload(), AGAIN_MS);
  }
}

void who().then(run);
