// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError, explain } from "./bridge-api";
import { setHidden, setNote } from "./dom";
import { dropSession, loadSession, saveSession, type Session, STAFF, takeFromAddress } from "./session";
import { t } from "./strings";

/** In localStorage: staff signed in with this browser, so a silent sign-in may work; nobody else is sent around for it. */
const BEFORE = "passerelle.staff-before";
/** In sessionStorage: this window has asked; once is enough. */
const ASKED = "passerelle.asked-silently";

/** The session of this window: from the sign-in that just ended, or from before. */
export async function staffSession(): Promise<Session | null> {
  if (takeFromAddress("sign-in") !== null) localStorage.removeItem(BEFORE);
  const code = takeFromAddress("code");
  if (code === null) return loadSession(STAFF);
  const session = await bridge.exchangeCode(code);
  saveSession(STAFF, session);
  localStorage.setItem(BEFORE, "yes");
  return session;
}

/** Goes to the provider and back without a question to anybody; false where that is not worth trying. */
export function signInSilently(): boolean {
  if (localStorage.getItem(BEFORE) === null || sessionStorage.getItem(ASKED) !== null) return false;
  sessionStorage.setItem(ASKED, "yes");
  location.replace(`/auth/login?silent&next=${encodeURIComponent(location.pathname)}`);
  return true;
}

/** Ends everything that somebody is signed in by; unlike `signOut` it fails, with everything as it was, where that fails. */
export async function signOutEverywhere(session: Session): Promise<void> {
  const { redirect } = await bridge.signOut(session.token, true);
  localStorage.removeItem(BEFORE);
  dropSession(STAFF);
  location.replace(redirect);
}

/** Ends the session here, in Matrix and at the provider; what the bridge can't end now ends with its time. */
export async function signOut(session: Session): Promise<void> {
  localStorage.removeItem(BEFORE);
  dropSession(STAFF);
  const { redirect } = await bridge.signOut(session.token).catch(() => ({ redirect: "/auth/signed-out" }));
  location.replace(redirect);
}

/** Who is signed in, and for whom they work. */
export function introduction({ display_name, organization = "" }: Session["user"]): string {
  const known = organization === "" || display_name.endsWith(`[${organization}]`);
  return t("signed_in_as", { name: known ? display_name : `${display_name} · ${organization}` });
}

/** Opens a page that is the staff's alone, or its words about signing in; what else goes wrong is said in `note`. */
export async function openForStaff(view: string, note: string, open: (session: Session) => Promise<void>): Promise<void> {
  const session = await staffSession().catch(() => null);
  if (!session) {
    setHidden("view-sign-in", false);
    return;
  }
  try {
    await open(session);
  } catch (error) {
    if (!(error instanceof BridgeError && error.status === 401)) {
      setNote(note, explain(error));
      return;
    }
    dropSession(STAFF);
    setHidden(view, true);
    setHidden("view-sign-in", false);
  }
}
