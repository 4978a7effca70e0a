// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

import { element, setHidden, setNote } from "./dom";
import { EventFeed } from "./event-feed";
import { HostAccess } from "./host-access";
import { HostMeeting } from "./host-meeting";
import { HostPeople } from "./host-people";
import { HostWaiting } from "./host-waiting";
import { dropSession, type Session, STAFF } from "./session";
import { signInSilently, staffSession } from "./staff-session";
import { t } from "./strings";

/** One part of the page: shows the newest snapshot of the same name (bridge/web/host_page.py says how to add one). */
interface Section {
  show(snapshot: unknown): void;
}

/** What each part needs: in whose name and about which meeting it asks for changes. */
export interface Host {
  readonly session: Session;
  readonly meetingId: string;
}

const SECTIONS: Record<string, new (host: Host) => Section> = {
  meeting: HostMeeting,
  people: HostPeople,
  waiting: HostWaiting,
  access: HostAccess,
};

function askToSignIn(): void {
  for (const view of ["opening", "view-host"]) setHidden(view, true);
  setHidden("view-sign-in", false);
}

function follow(host: Host): void {
  const sections = new Map(Object.entries(SECTIONS).map(([name, made]) => [name, new made(host)]));
  new EventFeed(`/api/v1/meetings/${encodeURIComponent(host.meetingId)}/host`, host.session.token, {
    onEvent: (name, data) => {
      setHidden("opening", true);
      setHidden("view-host", false);
      sections.get(name)?.show(JSON.parse(data));
    },
    onConnection: (connected) => setNote("host-connection", connected ? null : t("sync_lost")),
    onDenied: (status) => {
      if (status === 401) {
        dropSession(STAFF);
        askToSignIn();
        return;
      }
      for (const view of ["opening", "view-host"]) setHidden(view, true);
      setHidden("view-denied", false);
      element("denied-heading").focus();
    },
  }).start();
}

async function start(): Promise<void> {
  const meetingId = document.body.dataset["meeting"] ?? "";
  const session = await staffSession().catch(() => null);
  if (session) follow({ session, meetingId });
  else if (!signInSilently()) askToSignIn();
}

void start();
