// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, explain, type Invite } from "./bridge-api";
import { element, setFieldError, setHidden, setNote, whileBusy } from "./dom";
import type { Meeting } from "./session";
import { t } from "./strings";

/** stops: what cannot be a Matrix ID from travelling to the server; the bridge decides about the rest. */
const MATRIX_ID = /^@[^:\s]+:[^\s]+$/;

export function isMatrixId(text: string): boolean {
  return MATRIX_ID.test(text);
}

/** The organiser's dialog: one link for the three doors, or one Matrix account. */
export class InviteDialog {
  readonly #dialog = element<HTMLDialogElement>("invite-dialog");
  readonly #url = element<HTMLInputElement>("invite-url");
  readonly #qr = element<HTMLImageElement>("invite-qr");
  #meeting: Meeting | null = null;
  #invite: Invite | null = null;

  constructor(readonly token: () => string) {
    element("invite-close").addEventListener("click", () => this.#dialog.close());
    this.#onSubmit("invite-link-form", () => this.#create());
    this.#onSubmit("invite-partner-form", () => this.#invitePartner());
    const copy = element<HTMLButtonElement>("invite-copy");
    copy.addEventListener("click", () => void this.#copy());
    const revoke = element<HTMLButtonElement>("invite-revoke");
    revoke.addEventListener("click", () => void whileBusy(revoke, () => this.#saying(() => this.#revoke())));
  }

  open(meeting: Meeting): void {
    if (this.#meeting?.id !== meeting.id) this.#forget();
    this.#meeting = meeting;
    setNote("invite-note", null);
    this.#dialog.showModal();
  }

  #onSubmit(formId: string, action: () => Promise<void>): void {
    const form = element<HTMLFormElement>(formId);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
      if (button) void whileBusy(button, () => this.#saying(action));
    });
  }

  async #saying(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      setNote("invite-note", explain(error));
    }
  }

  async #create(): Promise<void> {
    if (!this.#meeting) return;
    const uses = Number(element<HTMLSelectElement>("invite-uses").value);
    const ttlS = Number(element<HTMLSelectElement>("invite-ttl").value);
    const verify = document.querySelector<HTMLInputElement>("#invite-verify-email")?.checked ?? false;
    this.#invite = await bridge.createInvite(this.token(), this.#meeting.id, uses, ttlS, verify);
    this.#url.value = this.#invite.url;
    this.#qr.src = `${this.#invite.url}/qr.svg`;
    setHidden("invite-result", false);
    await this.#copy();
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#url.value);
      setNote("invite-note", t("link_copied"));
    } catch {
      this.#url.select();
      setNote("invite-note", t("link_ready"));
    }
  }

  async #revoke(): Promise<void> {
    if (!this.#invite) return;
    await bridge.revokeInvite(this.token(), this.#invite.id);
    this.#forget();
    setNote("invite-note", t("link_revoked"));
  }

  async #invitePartner(): Promise<void> {
    if (!this.#meeting) return;
    const field = element<HTMLInputElement>("invite-partner-id");
    const userId = field.value.trim();
    setFieldError(field, "invite-note", isMatrixId(userId) ? null : t("error_matrix_id"));
    if (!isMatrixId(userId)) return;
    await bridge.invitePartner(this.token(), this.#meeting.id, userId);
    field.value = "";
    setNote("invite-note", t("partner_invited", { user: userId }));
  }

  #forget(): void {
    this.#invite = null;
    this.#url.value = "";
    this.#qr.removeAttribute("src");
    setHidden("invite-result", true);
  }
}
