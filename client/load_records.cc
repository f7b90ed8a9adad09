// The records that tripoint-load writes. See load.h. Any thread.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>

#include "client/load.h"
#include "proto/contract/uuid.h"
#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::client::load {
namespace {

constexpr int kVariants = 256;
constexpr const char* kCategories[] = {"DRG-TRF", "DRG-POS", "THB-LAB", "DRG-FND", "DRG-PRC"};
constexpr const char* kWords[] = {"vehicle", "border",   "marker", "patrol", "checked", "driver",
                                  "river",   "crossing", "night",  "goods",  "found",   "document",
                                  "number",  "station",  "market", "report"};

std::string MakeText(std::mt19937_64& random, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    text += kWords[random() % std::size(kWords)];
    text += ' ';
    text += std::to_string(random() % 100'000);
    text += ' ';
  }
  text.resize(bytes);
  text.back() = '.';
  return text;
}

std::uint64_t Scatter(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace

Records::Records(int record_bytes) {
  std::mt19937_64 random(20'261'122);
  for (int i = 0; i < kVariants; ++i) {
    v1::Facts facts;
    facts.set_category_code(kCategories[random() % std::size(kCategories)]);
    facts.set_severity(static_cast<std::uint32_t>(1 + random() % 5));
    facts.set_certainty_code("likely");
    facts.set_occur_time_ms(1'790'000'000'000 +
                            static_cast<std::int64_t>(random() % 5'000'000'000));
    facts.mutable_place()->set_gate("G-BOY");
    facts.mutable_place()->set_locality("Bo Y");
    facts.set_title(MakeText(random, 48));
    facts.mutable_narrative()->set_language_code("en");
    const auto rest = static_cast<std::ptrdiff_t>(record_bytes) -
                      static_cast<std::ptrdiff_t>(facts.ByteSizeLong());
    facts.mutable_narrative()->set_text(
        MakeText(random, static_cast<std::size_t>(std::max<std::ptrdiff_t>(rest, 16))));
    facts_.push_back(std::move(facts));
  }
}

double Records::EnvelopeBytes(const std::string& owner, const std::string& peer) const {
  std::size_t bytes = 0;
  for (const v1::Facts& facts : facts_) {
    exchange::v1::Envelope envelope;
    envelope.set_origin_unit(owner);
    envelope.set_epoch(1ULL << 63);  // a random number: as long as that
    envelope.set_number(100'000);
    envelope.set_lane(exchange::v1::LANE_ROUTINE);
    envelope.add_audience(peer);
    envelope.set_handling_code("H2");
    envelope.set_tlp_code("AMBER+STRICT");
    envelope.set_purpose_code("P-BORDER");
    envelope.set_create_time_ms(1'790'000'000'000);
    envelope.set_valid_until_ms(1'890'000'000'000);
    exchange::v1::NoticeVersion& version = *envelope.mutable_notice_version();
    version.set_name("units/" + owner + "/notices/N-QNG-26-100000-M");
    version.set_version(2);
    version.set_kind_code("INCIDENT");
    version.set_urgency_code("U3");
    *version.mutable_facts() = facts;
    bytes += envelope.ByteSizeLong();
  }
  return static_cast<double>(bytes) / static_cast<double>(facts_.size());
}

std::string NewRequestId() {
  // Unique without a source of randomness: the moment this process first came here, and a counter.
  static const auto seed =
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  static std::atomic<std::uint64_t> counter{0};
  const std::uint64_t number = counter.fetch_add(1);
  const std::uint64_t words[2] = {Scatter(seed + number * 0x9e3779b97f4a7c15U),
                                  Scatter(seed ^ ~number)};
  contract::Uuid bytes;
  std::memcpy(bytes.data(), words, bytes.size());
  return contract::UuidText(contract::RandomUuid(bytes));
}

v1::Notice NoticeOf(const v1::Facts& facts) {
  v1::Notice notice;
  notice.set_kind_code("INCIDENT");
  notice.set_urgency_code("U3");
  notice.set_purpose_code("P-BORDER");
  *notice.mutable_facts() = facts;
  return notice;
}

}  // namespace tripoint::client::load
