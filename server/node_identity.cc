// Certificates and roots in use, and their reload. See node_identity.h.
#include "server/node_identity.h"

#include <fmt/format.h>

#include <utility>

#include "certs/certificate.h"
#include "proto/contract/error.h"

namespace tripoint {
namespace {

constexpr unsigned kRefreshS = 1;

certs::TrustPolicy PolicyOf(const Config& config) {
  return {.crl_required = config.crl_required, .crl_grace_s = config.crl_grace_days * certs::kDayS};
}

std::int64_t DaysUntil(std::int64_t end_s, std::int64_t now_s) {
  return end_s <= now_s ? 0 : (end_s - now_s) / certs::kDayS;
}

std::string Text(const absl::Status& status) {
  const contract::Problem problem = contract::ProblemOf(status);
  return problem.why.empty() ? problem.what : fmt::format("{}: {}", problem.what, problem.why);
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeIdentity>> NodeIdentity::Load(const Config& config,
                                                                 const runtime::Clock& clock,
                                                                 runtime::Log& log) {
  const std::int64_t now_s = clock.wall_ms() / 1000;
  auto name = certs::MakeIdentity(config.unit);
  if (!name.ok()) return name.status();
  auto trust = certs::LoadTrust(config.roots_folder, PolicyOf(config), now_s, nullptr);
  if (!trust.ok()) return trust.status();
  auto signing = certs::CheckSigningFiles(config.certificates_folder, **trust, *name, now_s);
  if (!signing.ok()) return signing.status();
  for (const std::string& warning : (*trust)->warnings()) {
    log.Warning("trust.warning",
                {runtime::Field::OwnFault("fault", absl::FailedPreconditionError(warning))});
  }
  return std::unique_ptr<NodeIdentity>(new NodeIdentity(config, clock, log, *std::move(name),
                                                        *std::move(trust), *std::move(signing)));
}

NodeIdentity::NodeIdentity(const Config& config, const runtime::Clock& clock, runtime::Log& log,
                           certs::UnitIdentity name, std::shared_ptr<const certs::Trust> trust,
                           certs::SigningFiles signing)
    : config_(config),
      clock_(clock),
      log_(log),
      name_(std::move(name)),
      trust_(std::make_shared<certs::TrustCache>(std::move(trust))),
      signing_(std::move(signing)),
      signing_not_after_s_(signing_.facts.not_after_s) {}

absl::Status NodeIdentity::Open() {
  auto live = certs::LiveFolder::Open(config_.data_folder);
  if (!live.ok()) return live.status();
  live_.emplace(*std::move(live));
  const auto trust = trust_->Current();
  const auto loaded = live_->Reload(config_.certificates_folder, *trust, name_, now_s());
  if (!loaded.ok()) {
    if (!live_->CheckCurrent(*trust, name_, now_s()).ok()) return loaded.status();
    log_.Error("certificates.previous_in_use",
               {runtime::Field::OwnFault("fault", loaded.status())});
    SetFault(&tls_fault_, loaded.status());
  }
  const auto own = certs::ExplainOwnCertificate(config_.certificates_folder, trust.get(), now_s());
  const absl::MutexLock lock(&mutex_);
  tls_not_after_s_ = own.not_after_s;
  return absl::OkStatus();
}

certs::WatchedFiles NodeIdentity::watched_files() const { return live_->Watched(kRefreshS); }

void NodeIdentity::SetFault(std::string* fault, const absl::Status& status) {
  const absl::MutexLock lock(&mutex_);
  *fault = status.ok() ? "" : Text(status);
}

void NodeIdentity::Reload() {
  ReloadTrust();
  ReloadTls();
  ReloadSigning();
}

void NodeIdentity::ReloadTrust() {
  const auto previous = trust_->Current();
  auto fresh = certs::LoadTrust(config_.roots_folder, PolicyOf(config_), now_s(), previous.get());
  // Without its own country's root the node would refuse every officer until somebody noticed.
  if (fresh.ok() && !(*fresh)->Knows(name_.country)) {
    fresh = contract::Error(absl::StatusCode::kFailedPrecondition, contract::Reason::kConfigInvalid,
                            fmt::format("The roots folder has no {}.pem", name_.country),
                            "The root of this unit's own country is needed",
                            "Put it back; the roots before stay in use");
  }
  SetFault(&trust_fault_, fresh.status());
  if (!fresh.ok()) {
    log_.Error("trust.not_reloaded", {runtime::Field::OwnFault("fault", fresh.status())});
    return;
  }
  log_.Info("trust.reloaded", {{"epoch", (*fresh)->epoch()}});
  const bool changed = !(*fresh)->SameFilesAs(*previous);
  trust_->Replace(*std::move(fresh));
  if (changed && on_trust_) on_trust_();
}

void NodeIdentity::ReloadTls() {
  const auto trust = trust_->Current();
  const auto swapped = live_->Reload(config_.certificates_folder, *trust, name_, now_s());
  SetFault(&tls_fault_, swapped.status());
  if (!swapped.ok()) {
    log_.Error("certificates.not_reloaded", {runtime::Field::OwnFault("fault", swapped.status())});
    return;
  }
  const auto own = certs::ExplainOwnCertificate(config_.certificates_folder, trust.get(), now_s());
  {
    const absl::MutexLock lock(&mutex_);
    tls_not_after_s_ = own.not_after_s;
  }
  if (*swapped) log_.Info("certificates.reloaded", {{"days_left", own.days_left}});
}

void NodeIdentity::ReloadSigning() {
  auto fresh =
      certs::CheckSigningFiles(config_.certificates_folder, *trust_->Current(), name_, now_s());
  SetFault(&signing_fault_, fresh.status());
  if (!fresh.ok()) {
    log_.Error("signing.not_reloaded", {runtime::Field::OwnFault("fault", fresh.status())});
    return;
  }
  if (fresh->certificate_pem == signing_.certificate_pem) return;
  signing_ = *std::move(fresh);
  {
    const absl::MutexLock lock(&mutex_);
    signing_not_after_s_ = signing_.facts.not_after_s;
  }
  if (on_signing_) on_signing_(signing_);
  log_.Info("signing.reloaded");
}

NodeIdentity::DaysLeft NodeIdentity::days_left() const {
  const absl::MutexLock lock(&mutex_);
  return {DaysUntil(tls_not_after_s_, now_s()), DaysUntil(signing_not_after_s_, now_s())};
}

std::vector<std::string> NodeIdentity::Warnings() const {
  std::vector<std::string> warnings;
  const DaysLeft left = days_left();
  const auto add_expiry = [&warnings](std::string_view which, std::int64_t days) {
    if (certs::ExpiryWarningDays(days) == 0) return;
    warnings.push_back(fmt::format(
        "The {} certificate ends in {} days. Get a new one from the country's authority and "
        "put it into the certificate folder",
        which, days));
  };
  add_expiry("TLS", left.tls);
  add_expiry("signing", left.signing);
  const absl::MutexLock lock(&mutex_);
  if (!tls_fault_.empty())
    warnings.push_back("The files in the certificate folder are not in use. " + tls_fault_);
  if (!signing_fault_.empty())
    warnings.push_back("The signing files in the certificate folder are not in use. " +
                       signing_fault_);
  if (!trust_fault_.empty())
    warnings.push_back("The files in the roots folder are not in use. " + trust_fault_);
  for (const std::string_view country : certs::kCountries) {
    const auto trust = trust_->Current();
    if (!trust->Knows(country)) continue;
    const certs::CrlState state = trust->StateOfCrl(country, now_s());
    if (state == certs::CrlState::kStale || state == certs::CrlState::kTooOld) {
      warnings.push_back(fmt::format(
          "The revocation list {}.crl should have been replaced. Get a new one from that "
          "country's authority",
          country));
    }
  }
  return warnings;
}

void NodeIdentity::LogExpiry() {
  const DaysLeft left = days_left();
  const int tls = certs::ExpiryWarningDays(left.tls);
  const int signing = certs::ExpiryWarningDays(left.signing);
  if (tls != 0 && tls != warned_tls_days_) {
    log_.Warning("certificates.expiry", {{"which", "tls"}, {"days_left", left.tls}});
  }
  if (signing != 0 && signing != warned_signing_days_) {
    log_.Warning("certificates.expiry", {{"which", "signing"}, {"days_left", left.signing}});
  }
  warned_tls_days_ = tls;
  warned_signing_days_ = signing;
}

}  // namespace tripoint
