// Notices and peers, as rows and as text.
#include <fmt/format.h>

#include <algorithm>

#include "client/resolve.h"
#include "client/text.h"
#include "client/views.h"
#include "proto/contract/error.h"

namespace tripoint::client {
namespace {

// `10:02:00 +07 (1 h 48 min)`, or how long it is over.
std::string AckBy(const Context& context, const v1::Notice& notice, int64_t now_ms) {
  if (notice.ack_by_ms() == 0) return "-";
  const int64_t left_ms = notice.ack_by_ms() - now_ms;
  const std::string at = left_ms > kDayMs || left_ms < -kDayMs
                             ? context.Time(notice.ack_by_ms())
                             : ClockText(notice.ack_by_ms(), context.clock());
  if (!notice.needs_ack()) return at;
  return at +
         (left_ms >= 0 ? " (" + SpanText(left_ms) + ")" : " (OVER by " + SpanText(-left_ms) + ")");
}

// What an officer of the receiving unit must know first.
std::string InboxState(const v1::Notice& notice) {
  if (notice.state() == v1::NOTICE_STATE_WITHDRAWN || notice.state() == v1::NOTICE_STATE_EXPIRED) {
    return StateWord(notice.state());
  }
  if (notice.deliveries().empty() || notice.deliveries(0).state() < v1::DELIVERY_STATE_SEEN)
    return "new";
  return StateWord(notice.deliveries(0).state());
}

std::string RecipientsText(const v1::Notice& notice) {
  std::vector<std::string> parts;
  for (const v1::Delivery& delivery : notice.deliveries()) {
    parts.push_back(delivery.unit() + " " + StateWord(delivery.state()));
  }
  return parts.empty() ? "nobody yet" : Join(parts, ", ");
}

// What holds the delivery up, with the node's reason behind it.
std::string HoldText(const v1::Notice& notice, const v1::Delivery& delivery) {
  switch (delivery.hold()) {
    case v1::DELIVERY_HOLD_STOPPED_HERE:
      return "  stopped here:";
    case v1::DELIVERY_HOLD_STOPPED_THERE:
      return "  stopped by its side:";
    case v1::DELIVERY_HOLD_NOT_PAIRED:
      return delivery.version() < notice.version()
                 ? fmt::format("  DID NOT GET version {}:", notice.version())
                 : "  cannot be reached:";
    case v1::DELIVERY_HOLD_NO_LINK:
      return "  no link:";
    case v1::DELIVERY_HOLD_RETURNING:
      return "  waits for what they return:";
    default:
      return "";
  }
}

std::string Fingerprint(const v1::Notice& notice) {
  std::string out = notice.etag() + "/" + StateWord(notice.state());
  for (const v1::Delivery& delivery : notice.deliveries()) {
    out += fmt::format("/{}:{}:{}:{}", delivery.unit(), static_cast<int>(delivery.state()),
                       delivery.version(),
                       // Links come and go; the notice is the same.
                       delivery.hold() == v1::DELIVERY_HOLD_NO_LINK ? "" : delivery.reason_code());
  }
  return out;
}

}  // namespace

std::string HoldWord(v1::DeliveryHold hold) {
  switch (hold) {
    case v1::DELIVERY_HOLD_STOPPED_HERE:
      return "stopped-here";
    case v1::DELIVERY_HOLD_STOPPED_THERE:
      return "stopped-there";
    case v1::DELIVERY_HOLD_NOT_PAIRED:
      return "not-paired";
    case v1::DELIVERY_HOLD_NO_LINK:
      return "no-link";
    case v1::DELIVERY_HOLD_RETURNING:
      return "returning";
    default:
      return "";
  }
}

std::string WhyText(const Context& context, const std::string& code) {
  if (code.empty()) return "";
  if (context.registry().Find("refusal_grounds", code) != nullptr)
    return context.Label("refusal_grounds", code);
  const contract::Reason reason = contract::ReasonFromCode(code);
  return std::string(contract::kReasonRows[static_cast<std::size_t>(reason)].label_en);
}

std::string ReasonText(const Context& context, const std::string& code) {
  const bool known = context.registry().Find("refusal_grounds", code) != nullptr ||
                     contract::ReasonFromCode(code) != contract::Reason::kUnspecified;
  return known ? code + " " + WhyText(context, code) : code;
}

std::vector<Column> NoticeColumns() {
  return {{"ref", "REF"},
          {"urgency", "URG"},
          {"state", "STATE"},
          {"shared", "SHARED"},
          {"recipients", "RECIPIENTS"},
          {"kind", "KIND", false},
          {"handling", "HANDLING", false},
          {"valid_until", "VALID UNTIL", false},
          {"version", "VERSION", false},
          {"incident", "INCIDENT", false},
          {"time_local", "TIME LOCAL", false},
          {"time_utc", "TIME UTC", false},
          {"subject", "SUBJECT", true, true}};
}

std::vector<Column> InboxColumns() {
  return {{"ref", "REF"},
          {"from", "FROM"},
          {"urgency", "URG"},
          {"ack_by", "ACK BY"},
          {"state", "STATE"},
          {"received", "RECEIVED"},
          {"kind", "KIND", false},
          {"handling", "HANDLING", false},
          {"valid_until", "VALID UNTIL", false},
          {"version", "VERSION", false},
          {"time_local", "TIME LOCAL", false},
          {"time_utc", "TIME UTC", false},
          {"subject", "SUBJECT", true, true}};
}

Row NoticeRow(const Context& context, const v1::Notice& notice, int64_t /*now_ms*/) {
  const std::string reference = ReferenceOf(notice.name());
  Row row{reference,
          {reference, notice.urgency_code(), StateWord(notice.state()),
           context.Time(notice.share_time_ms()), RecipientsText(notice), notice.kind_code(),
           notice.handling_code() + " " + notice.tlp_code(), context.Time(notice.valid_until_ms()),
           std::to_string(notice.version()), ReferenceOf(notice.incident()),
           IsoText(notice.share_time_ms(), Clock::kLocal),
           IsoText(notice.share_time_ms(), Clock::kUtc), SubjectOf(context, notice.facts())}};
  row.fingerprint = Fingerprint(notice);
  return row;
}

Row InboxRow(const Context& context, const v1::Notice& notice, int64_t now_ms) {
  const std::string reference = ReferenceOf(notice.name());
  Row row{reference,
          {reference, notice.owner(), notice.urgency_code(), AckBy(context, notice, now_ms),
           InboxState(notice), context.Time(notice.receive_time_ms()), notice.kind_code(),
           notice.handling_code() + " " + notice.tlp_code(), context.Time(notice.valid_until_ms()),
           std::to_string(notice.version()), IsoText(notice.receive_time_ms(), Clock::kLocal),
           IsoText(notice.receive_time_ms(), Clock::kUtc), SubjectOf(context, notice.facts())}};
  row.fingerprint = Fingerprint(notice);
  return row;
}

std::string EarlierText(const Context& context, const v1::Delivery& delivery) {
  if (!delivery.has_earlier()) return "";
  const v1::EarlierAnswer& earlier = delivery.earlier();
  return fmt::format("{} v{} at {}{}", StateWord(earlier.state()), earlier.version(),
                     context.Time(earlier.time_ms()),
                     earlier.officer().empty() ? "" : " by " + earlier.officer());
}

std::string DeliveriesText(const Context& context, const v1::Notice& notice) {
  std::size_t unit_columns = 0;
  for (const v1::Delivery& delivery : notice.deliveries())
    unit_columns = std::max(unit_columns, delivery.unit().size());
  std::string out;
  for (const v1::Delivery& delivery : notice.deliveries()) {
    std::string line =
        fmt::format("  {:<{}}  {:<12}", delivery.unit(), unit_columns, StateWord(delivery.state()));
    if (delivery.state_time_ms() > 0) line += "  " + context.Time(delivery.state_time_ms());
    if (!delivery.officer().empty()) line += "  by " + delivery.officer();
    if (delivery.version() > 0 && delivery.version() < notice.version()) {
      line += fmt::format("  (version {} of {})", delivery.version(), notice.version());
    }
    line += HoldText(notice, delivery);
    if (!delivery.reason_code().empty()) line += "  " + ReasonText(context, delivery.reason_code());
    if (delivery.next_try_time_ms() > 0)
      line += "  next try " + ClockText(delivery.next_try_time_ms(), context.clock());
    if (delivery.has_earlier()) line += "  (" + EarlierText(context, delivery) + ")";
    if (!delivery.note().text().empty()) {
      line += "  [" + delivery.note().language_code() + "] " + delivery.note().text();
    }
    out += Harmless(line) + "\n";
  }
  return out;
}

std::string NoticeText(const Context& context, const v1::Notice& notice, int64_t now_ms) {
  const bool received = notice.direction() == v1::NOTICE_DIRECTION_RECEIVED;
  std::string out =
      fmt::format("{}  {}, version {}\n", ReferenceOf(notice.name()),
                  received ? InboxState(notice) : StateWord(notice.state()), notice.version());
  if (notice.state() == v1::NOTICE_STATE_WITHDRAWN) {
    out += "  WITHDRAWN by its owner: do not act on it. " + Harmless(notice.change_reason()) + "\n";
  }
  if (received) out += Line("from", notice.owner() + "  " + context.UnitName(notice.owner()));
  out += Line("notice",
              context.Label("notice_kinds", notice.kind_code()) + "  [" + notice.kind_code() + "]");
  std::string urgency =
      notice.urgency_code() + " " + context.Label("urgency", notice.urgency_code());
  if (!notice.urgency_reason_code().empty()) {
    urgency += ": " + context.Label("urgency_reasons", notice.urgency_reason_code());
  }
  out += Line("urgency", urgency);
  if (notice.ack_by_ms() > 0) out += Line("answer by", AckBy(context, notice, now_ms));
  out += Line("handling", notice.handling_code() + " " +
                              context.Label("handling", notice.handling_code()) +
                              (notice.tlp_code().empty() ? "" : ", TLP:" + notice.tlp_code()));
  out += Line("purpose", context.Label("purposes", notice.purpose_code()) + "  [" +
                             notice.purpose_code() + "]");
  out += Line("basis", notice.basis());
  out += FactsText(context, notice.facts());
  for (const std::string& held : notice.held_fields()) out += Line("held back", held);
  if (notice.valid_until_ms() > 0)
    out += Line("valid until", context.Time(notice.valid_until_ms()));
  if (received) {
    out += Line("received", context.Time(notice.receive_time_ms()));
  } else {
    if (!notice.incident().empty())
      out += Line("incident", ReferenceOf(notice.incident()) + " (known here only)");
    if (notice.share_time_ms() > 0)
      out += Line("shared", context.Time(notice.share_time_ms()) + " by " + notice.creator());
  }
  if (!notice.change_reason().empty() && notice.state() != v1::NOTICE_STATE_WITHDRAWN) {
    out += Line("changed", notice.change_reason());
  }
  if (notice.deliveries().empty()) return out;
  return out + (received ? "our answer\n" : "recipients\n") + DeliveriesText(context, notice);
}

std::vector<Column> PeerColumns() {
  return {{"unit", "UNIT"},
          {"state", "STATE"},
          {"queued", "QUEUED"},
          {"since", "SINCE"},
          {"heard", "HEARD"},
          {"round_trip", "RTT"},
          {"next_dial", "NEXT TRY", false},
          {"clock", "CLOCK", false},
          {"certificate", "CERT DAYS", false},
          {"address", "ADDRESS", false},
          {"why", "WHY"},
          {"name", "NAME", true, true}};
}

Row PeerRow(const Context& context, const v1::Peer& peer, int64_t now_ms) {
  const std::string heard =
      peer.heard_time_ms() == 0
          ? "never"
          : SpanText(std::max<int64_t>(now_ms - peer.heard_time_ms(), 0)) + " ago";
  const std::string why =
      peer.state() == v1::LINK_STATE_UP ? "" : ReasonText(context, peer.reason_code());
  Row row{
      peer.unit(),
      {peer.unit(), StateWord(peer.state()), std::to_string(peer.queued()),
       context.Time(peer.state_time_ms()), heard,
       peer.round_trip_ms() > 0 ? fmt::format("{:.1f} ms", peer.round_trip_ms()) : "-",
       peer.next_dial_time_ms() > 0 ? ClockText(peer.next_dial_time_ms(), context.clock()) : "-",
       fmt::format("{:+.1f} s", static_cast<double>(peer.clock_offset_ms()) / 1000),
       peer.certificate_days_left() >= 0 ? std::to_string(peer.certificate_days_left()) : "-",
       peer.address(), why, context.UnitName(peer.unit())}};
  row.fingerprint = fmt::format("{}/{}/{}/{}", peer.unit(), static_cast<int>(peer.state()),
                                peer.queued(), peer.reason_code());
  return row;
}

}  // namespace tripoint::client
