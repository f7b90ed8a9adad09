// The snapshot in use and its judgements: see trust_cache.h. Thread-safe.
#include "certs/trust_cache.h"

#include <utility>

namespace tripoint::certs {

void TrustCache::Replace(std::shared_ptr<const Trust> trust) {
  const absl::MutexLock lock(&mutex_);
  trust_ = std::move(trust);
  for (Judgements& judgements : entries_) judgements.clear();
}

std::shared_ptr<const Trust> TrustCache::Current() const {
  const absl::MutexLock lock(&mutex_);
  return trust_;
}

const Judgement* TrustCache::Find(std::string_view leaf_pem, PeerRole role, std::int64_t now_s) {
  Judgements& judgements = entries_[static_cast<std::size_t>(role)];
  const auto found = judgements.find(leaf_pem);
  if (found == judgements.end()) return nullptr;
  const Judgement& known = found->second;
  if (known.good_from_s <= now_s && now_s < known.good_until_s) return &known;
  judgements.erase(found);
  return nullptr;
}

std::optional<UnitIdentity> TrustCache::Recall(std::string_view leaf_pem, PeerRole role,
                                               std::int64_t now_s) {
  const absl::MutexLock lock(&mutex_);
  const Judgement* known = Find(leaf_pem, role, now_s);
  return known == nullptr ? std::nullopt : std::make_optional(known->identity);
}

absl::StatusOr<Judgement> TrustCache::Judge(std::string_view leaf_pem,
                                            std::string_view sent_chain_pem, PeerRole role,
                                            std::int64_t now_s) {
  std::shared_ptr<const Trust> trust;
  {
    const absl::MutexLock lock(&mutex_);
    if (const Judgement* known = Find(leaf_pem, role, now_s); known != nullptr) return *known;
    trust = trust_;
    ++full_judgements_;
  }
  absl::StatusOr<Judgement> judgement = trust->Judge(leaf_pem, sent_chain_pem, role, now_s);
  if (!judgement.ok()) return judgement;
  const absl::MutexLock lock(&mutex_);
  // A judgement by a snapshot that was replaced meanwhile must not outlive it: this call gets it,
  // the next asks anew.
  if (trust_ == trust) {
    const UnitIdentity& identity = judgement->identity;
    // Units of the federation are few; the bound is against a country that issues without end.
    if (!identity.officer.has_value() &&
        (seen_.size() < kEntriesMax || seen_.contains(identity.unit))) {
      seen_[identity.unit] = {judgement->not_after_s, std::string(leaf_pem)};
    }
    Judgements& judgements = entries_[static_cast<std::size_t>(role)];
    if (judgements.size() >= kEntriesMax) judgements.clear();
    judgements.insert_or_assign(std::string(leaf_pem), *judgement);
  }
  return judgement;
}

std::optional<std::int64_t> TrustCache::LastEndOf(const std::string& unit) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = seen_.find(unit);
  return found == seen_.end() ? std::nullopt : std::make_optional(found->second.end_s);
}

std::string TrustCache::LastLeafOf(const std::string& unit) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = seen_.find(unit);
  return found == seen_.end() ? std::string() : found->second.leaf_pem;
}

std::uint64_t TrustCache::full_judgements() const {
  const absl::MutexLock lock(&mutex_);
  return full_judgements_;
}

}  // namespace tripoint::certs
