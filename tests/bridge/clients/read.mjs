// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0
// What ical.js reads in a calendar file (standard input), as JSON. It knows no time zones but those of the file.
import ICAL from "ical.js";
import { readFileSync } from "node:fs";

const MOST = 60;
const calendar = new ICAL.Component(ICAL.parse(readFileSync(0, "utf8")));
for (const zone of calendar.getAllSubcomponents("vtimezone"))
  ICAL.TimezoneService.register(new ICAL.Timezone({ component: zone, tzid: zone.getFirstPropertyValue("tzid") }));

const iso = (time) => new Date(time.toUnixTime() * 1000).toISOString();
const all = calendar.getAllSubcomponents("vevent");
const masters = all.filter((event) => !event.getFirstProperty("recurrence-id"));
const exceptions = all.filter((event) => event.getFirstProperty("recurrence-id"));

function begins(component) {
  const event = new ICAL.Event(component, { strictExceptions: false });
  for (const other of exceptions)
    if (other.getFirstPropertyValue("uid") === event.uid) event.relateException(other);
  if (!event.isRecurring()) return [[iso(event.startDate), iso(event.endDate)]];
  const found = [];
  const iterator = event.iterator();
  for (let next = iterator.next(); next && found.length < MOST; next = iterator.next()) {
    const { startDate, endDate } = event.getOccurrenceDetails(next);
    found.push([iso(startDate), iso(endDate)]);
  }
  return found;
}

const events = masters.map((component) => {
  const value = (name) => component.getFirstPropertyValue(name);
  const attendee = component.getFirstProperty("attendee");
  return {
    uid: value("uid"),
    sequence: value("sequence"),
    status: value("status"),
    summary: value("summary"),
    description: value("description"),
    location: value("location"),
    url: value("url"),
    conference: value("conference"),
    organizer: value("organizer"),
    attendee: attendee && [attendee.getFirstValue(), attendee.getParameter("cn"), attendee.getParameter("partstat")],
    begins: begins(component),
  };
});
process.stdout.write(JSON.stringify({ method: calendar.getFirstPropertyValue("method"), events }));
