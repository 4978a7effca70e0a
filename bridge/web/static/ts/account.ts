// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { type ApiToken, bridge, explain } from "./bridge-api";
import { element, onSubmit, row, rowButton, setFieldError, setHidden, setNote, whileBusy } from "./dom";
import { OwnSessions } from "./own-sessions";
import type { Session } from "./session";
import { openForStaff } from "./staff-session";
import { t } from "./strings";

const day = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium" });

/** What somebody connects to their meetings: a calendar that subscribes, programs with API tokens. */
class AccountPage {
  readonly #name = element<HTMLInputElement>("token-name");

  constructor(readonly session: Session) {}

  async start(): Promise<void> {
    setHidden("view-account", false);
    element("account-heading").focus();
    onSubmit("token-form", () => this.#createToken());
    const { created_at } = await bridge.calendar(this.session.token);
    this.#showCalendar(created_at);
    this.#onClick("calendar-new", async () => {
      const { url } = await bridge.subscribe(this.session.token);
      this.#showCalendar(new Date().toISOString());
      element<HTMLAnchorElement>("calendar-open").href = url.replace(/^https?:/, "webcal:");
      const field = element<HTMLInputElement>("calendar-url");
      field.value = url;
      setHidden("calendar-result", false);
      setNote("calendar-note", t("calendar_ready"));
      field.select();
    });
    this.#onClick("calendar-withdraw", async () => {
      await bridge.unsubscribe(this.session.token);
      setHidden("calendar-result", true);
      this.#showCalendar(null);
      setNote("calendar-note", t("calendar_withdrawn"));
      element("calendar-new").focus();
    });
    await Promise.all([this.#list(), new OwnSessions(this.session).start()]);
  }

  #onClick(id: string, action: () => Promise<void>): void {
    const button = element<HTMLButtonElement>(id);
    const saying = () => action().catch((error: unknown) => setNote("calendar-note", explain(error)));
    button.addEventListener("click", () => void whileBusy(button, saying));
  }

  #showCalendar(since: string | null): void {
    element("calendar-new").textContent = t(since ? "calendar_replace" : "calendar_new");
    setHidden("calendar-withdraw", !since);
    setNote("calendar-since", since && t("calendar_since", { date: day.format(new Date(since)) }));
  }

  async #list(): Promise<void> {
    const { tokens } = await bridge.apiTokens(this.session.token);
    element("tokens").replaceChildren(...tokens.map((token) => this.#row(token)));
    setHidden("tokens-none", tokens.length > 0);
  }

  #row({ id, name, scopes, expires_at, used_at }: ApiToken): HTMLLIElement {
    const used = used_at ? t("token_used", { date: day.format(new Date(used_at)) }) : t("token_unused");
    const until = day.format(new Date(expires_at));
    const revoke = rowButton(t("token_revoke"), t("token_revoke_named", { name }), async () => {
      try {
        await bridge.revokeApiToken(this.session.token, id);
        await this.#list();
        setNote("tokens-note", t("token_revoked", { name }));
        element("tokens-heading").focus();
      } catch (error) {
        setNote("tokens-note", explain(error));
      }
    });
    return row(t("token_about", { name, scopes: scopes.join(", "), until, used }), revoke);
  }

  async #createToken(): Promise<void> {
    const name = this.#name.value.trim();
    const boxes = element("token-scopes").querySelectorAll<HTMLInputElement>("input:checked");
    const wrong = !name ? t("error_token_name") : boxes.length === 0 ? t("error_token_scopes") : null;
    setFieldError(this.#name, "token-error", wrong);
    if (wrong) return;
    try {
      const days = Number(element<HTMLSelectElement>("token-days").value);
      const scopes = [...boxes].map((box) => box.value);
      const made = await bridge.createApiToken(this.session.token, name, scopes, days);
      await this.#list();
      this.#name.value = "";
      const field = element<HTMLInputElement>("token-secret");
      field.value = made.token;
      setHidden("token-result", false);
      setNote("tokens-note", t("token_ready", { name }));
      field.focus();
      field.select();
    } catch (error) {
      setFieldError(this.#name, "token-error", explain(error));
    }
  }
}

void openForStaff("view-account", "calendar-note", (session) => new AccountPage(session).start());
