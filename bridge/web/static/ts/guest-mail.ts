// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain, type MailProof } from "./bridge-api";
import { announce, element, setFieldError, setHidden, setNote, whileBusy } from "./dom";
import { t } from "./strings";

const ADDRESS = /^[^@\s]+@[^@\s]+$/;
const PROBLEMS: Record<string, string> = {
  PASSERELLE_CODE_WRONG: "error_code_wrong",
  PASSERELLE_CODE_TRIES: "error_code_tries",
  PASSERELLE_CODE_EXPIRED: "error_code_expired",
  PASSERELLE_CODE_UNKNOWN: "error_code_expired",
  PASSERELLE_CODE_TOO_MANY: "error_code_too_many",
  PASSERELLE_BAD_ADDRESS: "error_mail_address",
};

/** The guest's mail address, where a link asks for one: has a code sent, and keeps what belongs to it over a reload. */
export class GuestMail {
  readonly #address = element<HTMLInputElement>("guest-email");
  readonly #code = element<HTMLInputElement>("guest-code");
  readonly #key: string;

  constructor(readonly invite: string) {
    this.#key = `passerelle.mail.${invite}`;
    const send = element<HTMLButtonElement>("guest-mail-send");
    send.addEventListener("click", () => void whileBusy(send, () => this.#send()));
    if (sessionStorage.getItem(this.#key)) this.show();
  }

  /** What shows that the address is theirs; undefined until a code was asked for. */
  get proof(): MailProof | undefined {
    const check = sessionStorage.getItem(this.#key);
    return check && this.#code.value.trim() ? { check, code: this.#code.value } : undefined;
  }

  show(): void {
    setHidden("guest-mail", false);
    const asked = sessionStorage.getItem(this.#key) !== null;
    setHidden("guest-code-field", !asked);
    (asked ? this.#code : this.#address).focus();
    if (!asked) announce(t("mail_needed"));
  }

  /** Says what is wrong with an address or a code; false where something else is. */
  refused(error: unknown): boolean {
    if (!(error instanceof BridgeError)) return false;
    if (error.errcode === "PASSERELLE_EMAIL_NEEDED") {
      this.show();
      return true;
    }
    const problem = PROBLEMS[error.errcode];
    if (problem === undefined) return false;
    if (error.status === 404 || error.status === 410) sessionStorage.removeItem(this.#key);
    setFieldError(this.#code, "guest-mail-error", t(problem));
    return true;
  }

  async #send(): Promise<void> {
    const address = this.#address.value.trim();
    setFieldError(this.#address, "guest-mail-error", ADDRESS.test(address) ? null : t("error_mail_address"));
    if (!ADDRESS.test(address)) return;
    try {
      const { check } = await bridge.askForCode(this.invite, address, document.documentElement.lang);
      sessionStorage.setItem(this.#key, check);
      setHidden("guest-code-field", false);
      this.#code.value = "";
      this.#code.focus();
      setNote("guest-mail-note", t("mail_sent", { address }));
    } catch (error) {
      if (!this.refused(error)) setFieldError(this.#address, "guest-mail-error", explain(error));
    }
  }
}
