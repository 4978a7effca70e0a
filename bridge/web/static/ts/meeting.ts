// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { bridge, BridgeError } from "./bridge-api";
import { CallView } from "./call-view";
import { DeviceCheck } from "./devices";
import { element, setHidden, showAgenda, whileBusy } from "./dom";
import { dropSession, type Meeting, type Session, STAFF, takeFromAddress } from "./session";
import { introduction, signInSilently, staffSession } from "./staff-session";
import { service, t } from "./strings";
import { showProblem } from "./views";
import { warmCache } from "./warm";

const meetingId = document.body.dataset["meeting"] ?? "";
const signIn = `/auth/login?next=/m/${encodeURIComponent(meetingId)}`;

function askToSignIn(): void {
  setHidden("opening", true);
  setHidden("view-sign-in", false);
}

async function start(): Promise<void> {
  const invite = takeFromAddress("invite");
  if (invite !== null) {
    element<HTMLAnchorElement>("other-door").href = `/j/${encodeURIComponent(invite)}#door=choose`;
    setHidden("other-door", false);
  }
  let session: Session | null;
  try {
    session = await staffSession();
  } catch {
    showProblem("code", { signIn });
    return;
  }
  if (!session) {
    if (signInSilently()) return;
    void warmCache();
    askToSignIn();
    return;
  }
  try {
    const meeting = await bridge.meeting(session.token, meetingId);
    openLobby(session, new CallView(session, meeting, () => dropSession(STAFF)), meeting);
  } catch (error) {
    if (error instanceof BridgeError && error.status === 401) {
      dropSession(STAFF);
      askToSignIn();
    } else if (error instanceof BridgeError && (error.status === 0 || error.status >= 500)) {
      showProblem("network", { retry: () => location.reload() }, t("error_network"));
    } else {
      showProblem("meeting");
    }
  }
}

function openLobby(session: Session, call: CallView, { title, agenda }: Meeting): void {
  const devices = new DeviceCheck();
  setHidden("opening", true);
  setHidden("view-lobby", false);
  element("lobby-title").textContent = title;
  element("lobby-title").focus();
  showAgenda("lobby-agenda", agenda);
  document.title = `${title} · ${service}`;
  element("lobby-who").textContent = introduction(session.user);
  element<HTMLFormElement>("staff-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void whileBusy(element<HTMLButtonElement>("staff-join"), async () => {
      const { choice } = devices;
      devices.stop();
      call.join(choice);
    });
  });
  void devices.startIfAllowed();
  void offerHostPage(session);
}

async function offerHostPage(session: Session): Promise<void> {
  const { hosts } = await bridge.hosts(session.token, meetingId).catch(() => ({ hosts: [] as string[] }));
  setHidden("host-door", !hosts.includes(session.matrix.user_id));
}

void start();
