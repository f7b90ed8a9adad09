// Records as rows and as text: what an incident and a notice look like in every list and in `show`.
// One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/context.h"
#include "client/render.h"
#include "tripoint/v1/incident.pb.h"
#include "tripoint/v1/node.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::client {

// `OPEN` as `open`; a state that this version does not know as `state 12`.
std::string StateWord(v1::IncidentState state);
std::string StateWord(v1::NoticeState state);
std::string StateWord(v1::DeliveryState state);
std::string StateWord(v1::LinkState state);
std::string StateWord(v1::LinkEventKind kind);
// `stopped-there`; empty when nothing holds it up.
std::string HoldWord(v1::DeliveryHold hold);
// The words of a coded reason, and with the code before them; empty for none.
std::string WhyText(const Context& context, const std::string& code);
std::string ReasonText(const Context& context, const std::string& code);

// `Drug trafficking · Bờ Y · Pickup stopped`: kind and place in the reader's language, then the
// title as written; without one, the beginning of its text.
std::string SubjectOf(const Context& context, const v1::Facts& facts);
// The place in words.
std::string PlaceOf(const Context& context, const v1::Place& place);
// All facts, a line each, codes in the reader's language, text as written with its language.
std::string FactsText(const Context& context, const v1::Facts& facts);
// `  label     value` with a fixed width.
std::string Line(std::string_view label, std::string_view value);

std::vector<Column> IncidentColumns();
Row IncidentRow(const Context& context, const v1::Incident& incident);
std::string IncidentText(const Context& context, const v1::Incident& incident);

// `acknowledged v1 at 10:02:00 +07 by somphone`: what was said of an earlier version; empty if
// none.
std::string EarlierText(const Context& context, const v1::Delivery& delivery);

std::vector<Column> NoticeColumns();
std::vector<Column> InboxColumns();
// `now_ms` for what is left of the time to acknowledge.
Row NoticeRow(const Context& context, const v1::Notice& notice, int64_t now_ms);
Row InboxRow(const Context& context, const v1::Notice& notice, int64_t now_ms);
std::string NoticeText(const Context& context, const v1::Notice& notice, int64_t now_ms);
// One line for each recipient: unit, state, time, reason.
std::string DeliveriesText(const Context& context, const v1::Notice& notice);

std::vector<Column> PeerColumns();
Row PeerRow(const Context& context, const v1::Peer& peer, int64_t now_ms);

}  // namespace tripoint::client
