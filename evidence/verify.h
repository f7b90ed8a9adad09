// Checks an evidence file: no network, no store, only the countries' roots.
//
// Called by `tripoint evidence verify` and by tests. Pure but for time, which is given; any thread.
// What each step proves: evidence/README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "certs/trust.h"
#include "tripoint/exchange/v1/envelope.pb.h"
#include "tripoint/exchange/v1/evidence.pb.h"

namespace tripoint::evidence {

// A certificate that was judged: at which time, and how long it is valid.
struct JudgedCertificate {
  std::string unit;
  std::string serial;
  std::int64_t at_ms = 0;
  std::int64_t not_before_s = 0;
  std::int64_t not_after_s = 0;
  // Number and time (thisUpdate, Unix seconds) of the newest revocation list of its country that
  // was at hand, in the file or beside the roots; -1: none, so whether it was revoked is not known.
  std::int64_t list_number = -1;
  std::int64_t list_time_s = 0;
};

struct VerifiedEvidence {
  exchange::v1::Evidence evidence;
  // Absent: the file has no contents, or they are not readable (then a remark says so).
  std::optional<exchange::v1::Envelope> envelope;
  JudgedCertificate seal;
  JudgedCertificate head;
  std::optional<JudgedCertificate> receipt;
  // What a reader must know and what no signature proves, one sentence each.
  std::vector<std::string> remarks;
};

// `roots`: from certs::LoadTrust; revocation lists beside the roots are used too. Any list that
// names a certificate makes it void, whenever it was revoked: no signature here proves its time.
// Errors: DATA_LOSS / EVIDENCE_INVALID with the step that fails as `what` and the reason as `why`;
// FAILED_PRECONDITION / CONFIG_INVALID when the root of a unit's country is not among `roots`;
// SCHEMA_NEWER, TOO_LARGE of OpenFile.
absl::StatusOr<VerifiedEvidence> VerifyEvidence(std::string_view bytes, const certs::Trust& roots);

}  // namespace tripoint::evidence
