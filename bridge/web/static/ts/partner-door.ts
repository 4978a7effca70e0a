// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain, type Invited, type PartnerLinks, type Progress } from "./bridge-api";
import { element, setFieldError, setHidden, setNote, whileBusy } from "./dom";
import { isMatrixId } from "./invite-dialog";
import { inviteProblem } from "./invite-problem";
import { t } from "./strings";
import { isPlace, type Place } from "./waiting";

/** In localStorage of this device, where the person wants it: who they are and what they open meetings with. */
const REMEMBERED = "passerelle.partner";
/** Applications on somebody's own site, whose address only the person knows. */
const OWN_SITE = new Set(["element_web", "element_call"]);
const LOOK_EVERY_MS = 2_000;
/** While a window of ours waits to be loaded anew. */
const LOOK_OFTEN_MS = 500;
const LOOK_SELDOM_MS = 10_000;
/** Then a person begins to wonder, and reads what may be wrong. */
const HELP_AFTER_MS = 25_000;
const SELDOM_AFTER_MS = 120_000;

const PROGRESS: Record<Progress, string> = {
  invited: "partner_invited_there",
  joined: "partner_joined",
  in_call: "partner_in_call",
  declined: "partner_declined",
  barred: "partner_barred",
};
const LAST: ReadonlySet<Progress> = new Set<Progress>(["in_call", "declined", "barred"]);

interface Remembered {
  user: string;
  app: string;
  address: string;
}

/** The partner's door: one press invites their account and opens their application; then the page waits with them. */
export class PartnerDoor {
  readonly #user = element<HTMLInputElement>("partner-id");
  readonly #app = element<HTMLSelectElement>("partner-app");
  readonly #address = element<HTMLInputElement>("partner-address");
  readonly #remember = element<HTMLInputElement>("partner-remember");
  readonly #send = element<HTMLButtonElement>("partner-send");
  #stay = 0;

  constructor(
    readonly invite: string,
    readonly onProblem: (kind: string) => void,
    readonly onPlace: (place: Place) => void,
  ) {
    element("partner-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(this.#send, () => this.enter());
    });
    element("partner-again").addEventListener("click", () => this.#again());
    this.#app.addEventListener("change", () => this.#showAddress());
    this.#recall();
  }

  #recall(): void {
    const { user = "", app = "", address = "" } = recalled();
    if (user) {
      this.#user.value = user;
      this.#app.value = app;
      this.#address.value = address;
      const door = element("partner-door");
      door.parentElement?.prepend(door); // who came by this door comes by it again
    }
    this.#showAddress();
  }

  #showAddress(): void {
    setHidden("partner-address-field", !OWN_SITE.has(this.#app.value));
  }

  /** Asks to be invited; asked again without a press, as after a wait, it opens no window but offers the link. */
  async enter(): Promise<void> {
    const user = this.#user.value.trim();
    const app = this.#app.value;
    setFieldError(this.#user, "partner-error", isMatrixId(user) ? null : t("error_matrix_id"));
    if (!isMatrixId(user)) return;
    const address = OWN_SITE.has(app) ? siteOf(this.#address.value) : "";
    setFieldError(this.#address, "partner-address-error", address === null ? t("error_address") : null);
    if (address === null) return;
    // Only a window that opens with the press itself is no pop-up; it is filled once the invitation is there.
    const tab = ownTab(app) ? window.open("about:blank", "_blank") : null;
    try {
      const invited = await bridge.enterAsPartner(this.invite, user);
      if (isPlace(invited)) {
        tab?.close();
        this.onPlace(invited.place);
        return;
      }
      if (this.#remember.checked) localStorage.setItem(REMEMBERED, JSON.stringify({ user, app, address }));
      else localStorage.removeItem(REMEMBERED);
      const href = `${address}${invited[app as keyof PartnerLinks]}`;
      const loadsTwice = app === "element_call" && invited.progress === "invited";
      // Only its opener may load a window anew; until then the site that holds the person's account knows who opened it.
      if (tab && !loadsTwice) tab.opener = null;
      if (tab) tab.location.href = href;
      else if (!ownTab(app)) location.href = href;
      const again = tab && loadsTwice ? () => enterAnew(tab, href) : null;
      this.#wait(invited, user, href, again);
    } catch (error) {
      tab?.close();
      this.#refused(error, user);
    }
  }

  #refused(error: unknown, user: string): void {
    const problem = inviteProblem(error);
    if (problem !== undefined) {
      this.onProblem(problem);
      return;
    }
    const server = user.slice(user.indexOf(":") + 1);
    let text = explain(error);
    if (error instanceof BridgeError && error.status === 503) text = t("partner_no_answer", { server });
    else if (error instanceof BridgeError && error.errcode === "PASSERELLE_NOT_FEDERATED") text = t("partner_not_federated", { server });
    else if (error instanceof BridgeError && error.errcode === "PASSERELLE_CANNOT_INVITE") text = t("partner_refused", { server, user });
    setFieldError(this.#user, "partner-error", text);
  }

  #wait({ ticket, progress }: Invited, user: string, href: string, onJoined: (() => void) | null): void {
    element<HTMLAnchorElement>("partner-link").href = href;
    setHidden("partner-form", true);
    setHidden("partner-wait", false);
    this.#show(progress, user);
    element("partner-wait").focus();
    void this.#follow(ticket, user, progress, onJoined, ++this.#stay);
  }

  /** Asks until there is nothing more to wait for; a bridge that is away for a while is asked again. */
  async #follow(ticket: string, user: string, known: Progress, onJoined: (() => void) | null, stay: number): Promise<void> {
    const begin = performance.now();
    let last = known;
    while (stay === this.#stay && !LAST.has(last)) {
      const waited = performance.now() - begin;
      const often = onJoined && last === "invited" && waited < HELP_AFTER_MS;
      const pause = often ? LOOK_OFTEN_MS : waited < SELDOM_AFTER_MS ? LOOK_EVERY_MS : LOOK_SELDOM_MS;
      await new Promise((resolve) => setTimeout(resolve, pause));
      let now: Progress;
      try {
        now = (await bridge.partnerProgress(this.invite, ticket)).progress;
      } catch (error) {
        if (error instanceof BridgeError && error.status === 404) return;
        continue;
      }
      if (stay !== this.#stay) return;
      if (last === "invited" && now === "joined") onJoined?.();
      if (now !== last) this.#show((last = now), user);
      else if (now === "invited" && waited > HELP_AFTER_MS) setNote("partner-help", t("partner_nothing", { user }));
    }
  }

  #show(progress: Progress, user: string): void {
    element("partner-progress").textContent = t(PROGRESS[progress], { user });
    setNote("partner-help", null);
    setHidden("partner-link", LAST.has(progress));
  }

  #again(): void {
    this.#stay++;
    setHidden("partner-wait", true);
    setHidden("partner-form", false);
    this.#user.focus();
  }
}

/**
 * Loads Element Call once more, now that it has accepted the invitation: 0.26.1 shows nobody in a room that it has joined
 * itself ("multiple rooms for the same ID" in its console), and everybody in one that it finds joined. The window goes
 * there by a page of ours that forgets its opener, so that for the call nothing leads back from it to this page.
 */
function enterAnew(tab: Window, href: string): void {
  const [page = "", rest = ""] = href.split("#", 2);
  const id = crypto.randomUUID();
  const channel = new BroadcastChannel(`onward ${id}`);
  channel.onmessage = () => {
    channel.postMessage(`${page}?joined#${rest}`); // the query, because another fragment alone loads nothing
    channel.close();
  };
  tab.location.href = `/onward#${id}`;
}

/** Whether an application opens as a page of its own; the others are called by the system, and this page stays. */
function ownTab(app: string): boolean {
  return app === "matrix_to" || OWN_SITE.has(app);
}

/** The origin and path of somebody's own site, without what stands for a page in it; null where it is no address. */
function siteOf(typed: string): string | null {
  const text = typed.trim();
  if (!URL.canParse(text.includes("://") ? text : `https://${text}`)) return null;
  const url = new URL(text.includes("://") ? text : `https://${text}`);
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  return url.origin + url.pathname.replace(/(\/room)?\/*$/, "");
}

function recalled(): Partial<Remembered> {
  try {
    return (JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}") ?? {}) as Partial<Remembered>;
  } catch {
    return {};
  }
}
