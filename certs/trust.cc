// The judgement of a leaf by a trust snapshot: see trust.h. Const; any thread.
#include "certs/trust.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <utility>

#include "certs/certificate_maker.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;
using StackPtr =
    std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * stack) { sk_X509_free(stack); })>;

// What the verify callback needs to decide about the age of lists, and what it found.
struct Walk {
  TrustPolicy policy;
  CrlRule rule;
  std::int64_t now_s;
  bool stale = false;
};

// OpenSSL asks here whether an error may be passed over. Only the three about the age or absence of
// a list ever are.
int Decide(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  Walk& walk = *static_cast<Walk*>(X509_STORE_CTX_get_app_data(context));
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_CRL_NOT_YET_VALID:
      // Signed by the root and newer than our clock: the clock is wrong, not the list.
      return 1;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return walk.rule == CrlRule::kOnlyRevoked || !walk.policy.crl_required ? 1 : 0;
    case X509_V_ERR_CRL_HAS_EXPIRED: {
      walk.stale = true;
      const X509_CRL* crl = X509_STORE_CTX_get0_current_crl(context);
      const std::int64_t end_s =
          UnixSeconds(X509_CRL_get0_nextUpdate(crl)) + walk.policy.crl_grace_s;
      return walk.rule == CrlRule::kOnlyRevoked || walk.now_s <= end_s ? 1 : 0;
    }
    default:
      return 0;
  }
}

absl::Status Refuse(Reason reason, std::string what, std::string why, std::string next) {
  return Error(absl::StatusCode::kUnauthenticated, reason, std::move(what), std::move(why),
               std::move(next));
}

absl::Status RefuseBy(X509_STORE_CTX* context, const CertificateFacts& facts, std::int64_t now_s) {
  int error = X509_STORE_CTX_get_error(context);
  // OpenSSL looks at lists before dates; for people, a date that is over comes first: no list would
  // help.
  if (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_CRL_HAS_EXPIRED) {
    if (now_s >= facts.not_after_s) error = X509_V_ERR_CERT_HAS_EXPIRED;
    if (now_s < facts.not_before_s) error = X509_V_ERR_CERT_NOT_YET_VALID;
  }
  const int depth = X509_STORE_CTX_get_error_depth(context);
  const UnitIdentity& who = facts.identity;
  const std::string whose =
      depth == 0 ? fmt::format("The certificate of {}", who.unit)
                 : fmt::format("The authority above the certificate of {}", who.unit);
  const std::string clock = fmt::format("this machine's clock says {}", UtcText(now_s));
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: {
      const std::int64_t end_s =
          UnixSeconds(X509_get0_notAfter(X509_STORE_CTX_get_current_cert(context)));
      return Refuse(
          Reason::kCertificateExpired, whose + " has expired",
          fmt::format("It was valid until {}; {}", UtcText(end_s), clock),
          "Renew it: tripointd ca issue, then put the new files in the certificate folder");
    }
    case X509_V_ERR_CERT_NOT_YET_VALID: {
      const std::int64_t start_s =
          UnixSeconds(X509_get0_notBefore(X509_STORE_CTX_get_current_cert(context)));
      return Refuse(Reason::kCertificateNotYetValid, whose + " is not valid yet",
                    fmt::format("It becomes valid at {}; {}", UtcText(start_s), clock),
                    "Check the clocks of both machines");
    }
    case X509_V_ERR_CERT_REVOKED:
      return Refuse(Reason::kCertificateRevoked, whose + " was revoked",
                    fmt::format("Its serial {} stands in the revocation list of {}", facts.serial,
                                who.country),
                    fmt::format("Ask the authority of {} for a new certificate", who.country));
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return Refuse(Reason::kCrlMissing,
                    fmt::format("No revocation list of {} has been seen", who.country),
                    "This node was told to accept no country without one (crl_required)",
                    fmt::format("Put the list into the roots folder as {}.crl", who.country));
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return Refuse(
          Reason::kCrlTooOld, fmt::format("The revocation list of {} is too old", who.country),
          fmt::format("Its next update and the days of grace after it have passed; {}", clock),
          fmt::format("Get a fresh list from the authority of {}", who.country));
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
      return Refuse(Reason::kCertificateWrongName, whose + " has a name that its root may not give",
                    X509_verify_cert_error_string(error),
                    fmt::format("Alert the authority of {}", who.country));
    case X509_V_ERR_INVALID_PURPOSE:
      return Refuse(Reason::kCertificateWrongUsage, whose + " was made for another use",
                    X509_verify_cert_error_string(error),
                    "Use the certificate that was issued for this");
    default:
      return Refuse(
          Reason::kCertificateUntrusted,
          whose + fmt::format(" is not vouched for by the root of {}", who.country),
          X509_verify_cert_error_string(error),
          fmt::format("Compare roots/{}.pem here with the root of that country's authority",
                      who.country));
  }
}

absl::Status CheckUsage(const CertificateFacts& facts, PeerRole role) {
  const bool tls = facts.client_usage || facts.server_usage;
  bool fits = false;
  switch (role) {
    case PeerRole::kClient:
      fits = facts.client_usage && !facts.signing_usage;
      break;
    case PeerRole::kServer:
      fits = facts.server_usage && !facts.signing_usage;
      break;
    case PeerRole::kSigner:
      fits = facts.signing_usage && !tls && !facts.identity.officer.has_value();
      break;
  }
  if (fits) return absl::OkStatus();
  return Refuse(Reason::kCertificateWrongUsage,
                fmt::format("The certificate of {} was made for another use", facts.identity.unit),
                "Its extended key usage does not allow what it is used for here; transport and "
                "signing never share a key",
                "Use the certificate that was issued for this");
}

// What the peer sent beside its leaf; at most kChainMax, because each costs a verification.
absl::StatusOr<std::vector<X509Ptr>> ReadSent(std::string_view sent_chain_pem) {
  std::vector<X509Ptr> sent;
  if (sent_chain_pem.empty()) return sent;
  if (sent_chain_pem.size() <= Trust::kChainBytesMax) {
    sent = ReadCertificates(sent_chain_pem, Trust::kChainMax);
  }
  if (!sent.empty()) return sent;
  return Error(absl::StatusCode::kInvalidArgument, Reason::kCertificateMalformed,
               "The peer sent a chain of certificates that cannot be used",
               fmt::format("At most {} certificates of {} bytes in all are read", Trust::kChainMax,
                           Trust::kChainBytesMax),
               "A unit's certificate needs no chain: its country's root signs it directly");
}

void SetRules(X509_STORE_CTX* context, PeerRole role, Walk* walk) {
  X509_STORE_CTX_set_app_data(context, walk);
  X509_STORE_CTX_set_verify_cb(context, &Decide);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(
      parameters, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  X509_VERIFY_PARAM_set_depth(parameters, 2);
  X509_VERIFY_PARAM_set_auth_level(parameters, 2);  // 112 bits and no SHA-1, as in the handshake
  X509_VERIFY_PARAM_set_time(parameters, walk->now_s);
  if (role == PeerRole::kClient) {
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT);
  }
  if (role == PeerRole::kServer) {
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  }
}

// A judgement holds no longer than any certificate that it stands on.
void LimitByChain(const STACK_OF(X509) * chain, Judgement* judgement) {
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* link = sk_X509_value(chain, i);
    judgement->good_from_s =
        std::max(judgement->good_from_s, UnixSeconds(X509_get0_notBefore(link)));
    judgement->good_until_s =
        std::min(judgement->good_until_s, UnixSeconds(X509_get0_notAfter(link)));
  }
}

}  // namespace

absl::StatusOr<Judgement> Trust::Judge(std::string_view leaf_pem, std::string_view sent_chain_pem,
                                       PeerRole role, std::int64_t now_s, CrlRule rule) const {
  const absl::StatusOr<X509Ptr> leaf = ParseLeaf(leaf_pem);
  if (!leaf.ok()) return leaf.status();
  const absl::StatusOr<CertificateFacts> facts = FactsOf(leaf->get());
  if (!facts.ok()) return facts.status();
  const auto country = countries_.find(facts->identity.country);
  if (country == countries_.end()) {
    return Refuse(
        Reason::kCertificateUntrusted,
        fmt::format("The certificate of {} cannot be judged here", facts->identity.unit),
        fmt::format("This node holds no root of {}", facts->identity.country),
        fmt::format("Put the root into the roots folder as {}.pem", facts->identity.country));
  }
  const absl::StatusOr<std::vector<X509Ptr>> sent = ReadSent(sent_chain_pem);
  if (!sent.ok()) return sent.status();
  const StackPtr untrusted(sk_X509_new_null());
  for (const X509Ptr& one : *sent) sk_X509_push(untrusted.get(), one.get());

  Walk walk{.policy = policy_, .rule = rule, .now_s = now_s};
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (context == nullptr || untrusted == nullptr ||
      X509_STORE_CTX_init(context.get(), country->second.store.get(), leaf->get(),
                          untrusted.get()) != 1) {
    return Error(absl::StatusCode::kInternal, Reason::kInternal,
                 "A certificate could not be judged", TakeOpensslError(),
                 "Report this with the version of the node");
  }
  SetRules(context.get(), role, &walk);
  if (X509_verify_cert(context.get()) != 1) {
    (void)TakeOpensslError();
    return RefuseBy(context.get(), *facts, now_s);
  }
  if (absl::Status usage = CheckUsage(*facts, role); !usage.ok()) return usage;
  Judgement judgement{.identity = facts->identity,
                      .serial = facts->serial,
                      .not_after_s = facts->not_after_s,
                      .crl_stale = walk.stale,
                      .good_from_s = facts->not_before_s,
                      .good_until_s = facts->not_after_s};
  LimitByChain(X509_STORE_CTX_get0_chain(context.get()), &judgement);
  for (const CrlPtr& crl : country->second.crls) {
    const std::int64_t next_s = UnixSeconds(X509_CRL_get0_nextUpdate(crl.get()));
    for (const std::int64_t turn_s : {next_s, next_s + policy_.crl_grace_s}) {
      if (now_s <= turn_s) judgement.good_until_s = std::min(judgement.good_until_s, turn_s);
    }
  }
  return judgement;
}

bool Trust::Knows(std::string_view country) const { return countries_.contains(country); }

CrlState Trust::StateOfCrl(std::string_view country, std::int64_t now_s) const {
  const auto found = countries_.find(country);
  if (found == countries_.end() || found->second.crls.empty()) return CrlState::kNone;
  CrlState worst = CrlState::kFresh;
  for (const CrlPtr& crl : found->second.crls) {
    const std::int64_t next_s = UnixSeconds(X509_CRL_get0_nextUpdate(crl.get()));
    if (now_s > next_s + policy_.crl_grace_s) return CrlState::kTooOld;
    if (now_s >= next_s) worst = CrlState::kStale;
  }
  return worst;
}

Trust::ListSeen Trust::ListFor(std::string_view country, std::string_view leaf_pem) const {
  const auto found = countries_.find(country);
  const std::vector<X509Ptr> leaf = ReadCertificates(leaf_pem, 1);
  if (found == countries_.end() || leaf.empty()) return {};
  for (const X509Ptr& root : found->second.roots) {
    EVP_PKEY* const key = X509_get0_pubkey(root.get());
    if (X509_verify(leaf.front().get(), key) != 1) continue;
    for (const CrlPtr& crl : found->second.crls) {
      if (X509_CRL_verify(crl.get(), key) != 1) continue;
      return {.number = CrlNumber(crl.get()),
              .time_s = UnixSeconds(X509_CRL_get0_lastUpdate(crl.get()))};
    }
  }
  ERR_clear_error();  // of the roots that did not sign it
  return {};
}

bool Trust::SameFilesAs(const Trust& other) const {
  return std::equal(countries_.begin(), countries_.end(), other.countries_.begin(),
                    other.countries_.end(), [](const auto& one, const auto& two) {
                      return one.first == two.first &&
                             one.second.roots_pem == two.second.roots_pem &&
                             one.second.crl_pem == two.second.crl_pem;
                    });
}

std::string Trust::RootsPemOf(std::string_view country) const {
  const auto found = countries_.find(country);
  return found == countries_.end() ? std::string() : found->second.roots_pem;
}

std::string Trust::CrlPemOf(std::string_view country) const {
  const auto found = countries_.find(country);
  if (found == countries_.end()) return "";
  std::string pem;
  for (const CrlPtr& crl : found->second.crls) pem += ToPem(crl.get());
  return pem;
}

std::string Trust::RootsPem() const {
  std::string all;
  for (const auto& [name, country] : countries_) all += country.roots_pem;
  return all;
}

}  // namespace tripoint::certs
