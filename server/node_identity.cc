// Certificates and roots in use, and their reload. See node_identity.h.
#include "server/node_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "certs/certificate.h"
#include "certs/files.h"
#include "proto/contract/error.h"

namespace tripoint {
namespace {

constexpr unsigned kRefreshS = 1;

certs::TrustPolicy PolicyOf(const Config& config) {
  return {.crl_required = config.crl_required, .crl_grace_s = config.crl_grace_days * certs::kDayS};
}

std::int64_t DaysUntil(std::int64_t end_s, std::int64_t now_s) {
  return std::max<std::int64_t>(0, certs::DaysLeft(end_s, now_s));
}

std::string Text(const absl::Status& status) {
  const contract::Problem problem = contract::ProblemOf(status);
  return problem.why.empty() ? problem.what : fmt::format("{}: {}", problem.what, problem.why);
}

std::string FolderFile(const Config& config, std::string_view name) {
  return fmt::format("{}/{}", config.certificates_folder, name);
}

bool IsAboutDates(const absl::Status& status) {
  const contract::Reason reason = contract::ProblemOf(status).reason;
  return reason == contract::Reason::kCertificateExpired ||
         reason == contract::Reason::kCertificateNotYetValid;
}

// Of a certificate's text; zeroes when it cannot be read.
NodeIdentity::Dates DatesOfText(const absl::StatusOr<std::string>& pem) {
  if (!pem.ok()) return {};
  const absl::StatusOr<certs::CertificateFacts> facts = certs::ReadFacts(*pem);
  if (!facts.ok()) return {};
  return {facts->not_before_s, facts->not_after_s};
}

NodeIdentity::Dates DatesOf(const std::string& path) {
  return DatesOfText(certs::ReadSmallFile(path));
}

// The moment nearest to now at which the certificate was or will be valid. A pair that passes all
// checks as of then has no other fault than its dates (or this machine's clock).
std::int64_t NearestValid(const NodeIdentity::Dates& dates, std::int64_t now_s) {
  return std::max(dates.not_before_s, std::min(now_s, dates.not_after_s - 1));
}

void AddDateWarning(std::string_view which, const NodeIdentity::Dates& dates, std::int64_t now_s,
                    std::vector<std::string>& warnings) {
  constexpr std::string_view kRefused =
      "neighbours refuse this node, and officers' programs may, until it is replaced; "
      "recording goes on";
  if (now_s < dates.not_before_s) {
    warnings.push_back(
        fmt::format("The {} certificate is not valid yet: {}. Check this machine's "
                    "clock",
                    which, kRefused));
  } else if (now_s >= dates.not_after_s) {
    warnings.push_back(
        fmt::format("The {} certificate has expired: {}. Get a new one from the "
                    "country's authority and put it into the certificate folder",
                    which, kRefused));
  } else if (const std::int64_t days = DaysUntil(dates.not_after_s, now_s);
             certs::ExpiryWarningDays(days) != 0) {
    warnings.push_back(fmt::format(
        "The {} certificate ends in {} days. Get a new one from the country's authority and "
        "put it into the certificate folder",
        which, days));
  }
}

bool SameText(const std::string& path, const absl::StatusOr<std::string>& text) {
  const absl::StatusOr<std::string> other = certs::ReadSmallFile(path);
  return other.ok() && text.ok() && *other == *text;
}

struct Believed {
  std::shared_ptr<const certs::Trust> trust;
  std::vector<std::string> left_out;
};

// The roots folder without the countries whose files are faulty. Our own is needed: without its
// root no officer can be known, and without its list a revoked one would be let in.
absl::StatusOr<Believed> LoadWhatIsSound(const Config& config, const std::string& own_country,
                                         std::int64_t now_s) {
  const certs::TrustPolicy policy = PolicyOf(config);
  auto whole = certs::LoadTrust(config.roots_folder, policy, now_s, nullptr);
  if (whole.ok()) return Believed{*std::move(whole), {}};
  std::vector<certs::CountryFiles> sound;
  std::vector<std::string> left_out;
  for (const std::string_view country : certs::kCountries) {
    absl::StatusOr<std::optional<certs::CountryFiles>> files =
        certs::ReadCountryFiles(config.roots_folder, country);
    if (files.ok() && !files->has_value()) continue;
    const absl::Status fault =
        files.ok() ? certs::MakeTrust({**files}, policy, now_s, nullptr).status() : files.status();
    if (fault.ok()) {
      sound.push_back(**std::move(files));
    } else if (country == own_country) {
      return fault;
    } else {
      left_out.push_back(fmt::format("No unit of {} is believed. {}", country, Text(fault)));
    }
  }
  auto rest = certs::MakeTrust(sound, policy, now_s, nullptr);
  if (!rest.ok()) return rest.status();
  return Believed{*std::move(rest), std::move(left_out)};
}

absl::StatusOr<certs::SigningFiles> LoadSigning(const Config& config, const certs::Trust& trust,
                                                const certs::UnitIdentity& name, std::int64_t now_s,
                                                runtime::Log& log) {
  auto signing = certs::CheckSigningFiles(config.certificates_folder, trust, name, now_s);
  if (signing.ok() || !IsAboutDates(signing.status())) return signing;
  const NodeIdentity::Dates dates = DatesOf(FolderFile(config, certs::kSigningCertificateName));
  auto outdated =
      certs::CheckSigningFiles(config.certificates_folder, trust, name, NearestValid(dates, now_s));
  if (!outdated.ok()) return outdated;
  log.Error("signing.outside_its_dates", {runtime::Field::OwnFault("fault", signing.status())});
  return outdated;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeIdentity>> NodeIdentity::Load(const Config& config,
                                                                 const runtime::Clock& clock,
                                                                 runtime::Log& log) {
  const std::int64_t now_s = clock.wall_ms() / 1000;
  auto name = certs::MakeIdentity(config.unit);
  if (!name.ok()) return name.status();
  auto believed = LoadWhatIsSound(config, name->country, now_s);
  if (!believed.ok()) return believed.status();
  auto signing = LoadSigning(config, *believed->trust, *name, now_s, log);
  if (!signing.ok()) return signing.status();
  const auto warn = [&log](const std::string& warning) {
    log.Warning("trust.warning",
                {runtime::Field::OwnFault("fault", absl::FailedPreconditionError(warning))});
  };
  for (const std::string& warning : believed->left_out) warn(warning);
  for (const std::string& warning : believed->trust->warnings()) warn(warning);
  return std::unique_ptr<NodeIdentity>(
      new NodeIdentity(config, clock, log, *std::move(name), std::move(believed->trust),
                       *std::move(signing), std::move(believed->left_out)));
}

NodeIdentity::NodeIdentity(const Config& config, const runtime::Clock& clock, runtime::Log& log,
                           certs::UnitIdentity name, std::shared_ptr<const certs::Trust> trust,
                           certs::SigningFiles signing, std::vector<std::string> left_out)
    : config_(config),
      clock_(clock),
      log_(log),
      name_(std::move(name)),
      trust_(std::make_shared<certs::TrustCache>(std::move(trust))),
      signing_(std::move(signing)),
      signing_dates_{signing_.facts.not_before_s, signing_.facts.not_after_s},
      left_out_(std::move(left_out)) {}

absl::Status NodeIdentity::Open() {
  auto live = certs::LiveFolder::Open(config_.data_folder);
  if (!live.ok()) return live.status();
  live_.emplace(*std::move(live));
  if (absl::Status opened = OpenTls(*trust_->Current()); !opened.ok()) return opened;
  ReadTlsDates();
  return absl::OkStatus();
}

absl::Status NodeIdentity::OpenTls(const certs::Trust& trust) {
  const auto loaded = live_->Reload(config_.certificates_folder, trust, name_, now_s());
  if (loaded.ok()) return absl::OkStatus();
  // The pair of the last run, while it is valid, before one that is not.
  if (live_->CheckCurrent(trust, name_, now_s()).ok()) {
    log_.Error("certificates.previous_in_use",
               {runtime::Field::OwnFault("fault", loaded.status())});
    SetFault(&tls_fault_, loaded.status());
    return absl::OkStatus();
  }
  if (!IsAboutDates(loaded.status())) {
    const Dates used = DatesOf(watched_files().certificate_path);
    if (!live_->CheckCurrent(trust, name_, NearestValid(used, now_s())).ok())
      return loaded.status();
    log_.Error("certificates.previous_in_use",
               {runtime::Field::OwnFault("fault", loaded.status())});
    SetFault(&tls_fault_, loaded.status());
    return absl::OkStatus();
  }
  const Dates dates = DatesOf(FolderFile(config_, certs::kTlsCertificateName));
  const auto outdated =
      live_->Reload(config_.certificates_folder, trust, name_, NearestValid(dates, now_s()));
  if (!outdated.ok()) return outdated.status();
  log_.Error("certificates.outside_their_dates",
             {runtime::Field::OwnFault("fault", loaded.status())});
  return absl::OkStatus();
}

void NodeIdentity::ReadTlsDates() {
  absl::StatusOr<std::string> pem = certs::ReadSmallFile(watched_files().certificate_path);
  const absl::MutexLock lock(&mutex_);
  tls_dates_ = DatesOfText(pem);
  tls_pem_ = pem.ok() ? *std::move(pem) : std::string();
}

absl::Status NodeIdentity::TlsFault() const {
  std::string pem;
  {
    const absl::MutexLock lock(&mutex_);
    pem = tls_pem_;
  }
  if (pem.empty()) return absl::OkStatus();
  return trust_->Current()
      ->Judge(pem, {}, certs::PeerRole::kClient, now_s(), certs::CrlRule::kOnlyRevoked)
      .status();
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
  {
    const absl::MutexLock lock(&mutex_);
    left_out_.clear();
  }
  const std::uint64_t epoch = (*fresh)->epoch();
  const bool changed = !(*fresh)->SameFilesAs(*previous);
  trust_->Replace(*std::move(fresh));
  // Not before: who reads it may rely on it that a revoked caller is refused from here on.
  log_.Info("trust.reloaded", {{"epoch", epoch}});
  if (changed && on_trust_) on_trust_();
}

absl::StatusOr<certs::TlsFiles> NodeIdentity::tls_in_use() const {
  const certs::WatchedFiles files = watched_files();
  absl::StatusOr<std::string> certificate = certs::ReadSmallFile(files.certificate_path);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<std::string> key = certs::ReadSecretFile(files.key_path);
  if (!key.ok()) return key.status();
  return certs::TlsFiles{*std::move(certificate), *std::move(key), {}};
}

void NodeIdentity::ReloadTls() {
  const auto trust = trust_->Current();
  const auto swapped = live_->Reload(config_.certificates_folder, *trust, name_, now_s());
  // A pair in use whose dates ended is no faulty file: Warnings speaks of its dates.
  const bool used = IsAboutDates(swapped.status()) &&
                    SameText(FolderFile(config_, certs::kTlsCertificateName),
                             certs::ReadSmallFile(watched_files().certificate_path));
  SetFault(&tls_fault_, used ? absl::OkStatus() : swapped.status());
  if (!swapped.ok()) {
    log_.Error("certificates.not_reloaded", {runtime::Field::OwnFault("fault", swapped.status())});
    return;
  }
  ReadTlsDates();
  if (*swapped) log_.Info("certificates.reloaded", {{"days_left", days_left().tls}});
}

void NodeIdentity::ReloadSigning() {
  auto fresh =
      certs::CheckSigningFiles(config_.certificates_folder, *trust_->Current(), name_, now_s());
  const bool used =
      IsAboutDates(fresh.status()) &&
      SameText(FolderFile(config_, certs::kSigningCertificateName), signing_.certificate_pem);
  SetFault(&signing_fault_, used ? absl::OkStatus() : fresh.status());
  if (!fresh.ok()) {
    log_.Error("signing.not_reloaded", {runtime::Field::OwnFault("fault", fresh.status())});
    return;
  }
  if (fresh->certificate_pem == signing_.certificate_pem) return;
  signing_ = *std::move(fresh);
  {
    const absl::MutexLock lock(&mutex_);
    signing_dates_ = {signing_.facts.not_before_s, signing_.facts.not_after_s};
  }
  if (on_signing_) on_signing_(signing_);
  log_.Info("signing.reloaded");
}

NodeIdentity::DaysLeft NodeIdentity::days_left() const {
  const absl::MutexLock lock(&mutex_);
  return {DaysUntil(tls_dates_.not_after_s, now_s()),
          DaysUntil(signing_dates_.not_after_s, now_s())};
}

std::vector<std::string> NodeIdentity::Warnings() const {
  std::vector<std::string> warnings;
  const absl::MutexLock lock(&mutex_);
  AddDateWarning("TLS", tls_dates_, now_s(), warnings);
  AddDateWarning("signing", signing_dates_, now_s(), warnings);
  warnings.insert(warnings.end(), left_out_.begin(), left_out_.end());
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
