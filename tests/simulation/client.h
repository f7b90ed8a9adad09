// An officer at one node: makes changes at random, repeats what was not answered, and tells the
// model what was.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/model.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/world.h"

namespace tripoint::simulation {

class Client {
 public:
  Client(World& world, SimNode& node, Model& model);

  // One change of a random kind; what it was stays pending until it is answered for good.
  void Act();
  // A burst of notices to everybody paired, for queues and group commits.
  void Burst(int count);
  // A batch of records, as tripoint import sends it.
  void Import();
  // Puts an envelope that no peer accepts into a channel, as a broken or hostile peer would.
  void Poison();
  bool idle() const { return pending_.empty(); }
  std::uint64_t answered() const { return answered_; }

 private:
  // Hands the request in (again). Made once for each request, so that a repetition is the same
  // request.
  using Try = std::function<void(std::uint64_t pending_id)>;

  std::string RequestId();
  void Begin(Try attempt);
  void Attempt(std::uint64_t id, bool first);
  // Hands a step of a try in, and judges whether a disk that fills up may take or refuse it.
  void Submit(storage::Importance importance, storage::Operation operation, storage::Done done);
  // The answer to a try: true when the request is done (accepted or refused for good).
  void Answered(std::uint64_t id, const absl::Status& status, const std::function<void()>& accept);

  void CreateIncident();
  void UpdateIncident();
  void ShareNotice(bool flash);
  void ShareDraft(const std::string& name, const std::string& etag, const std::string& title,
                  const std::vector<std::string>& audience, bool flash);
  void ReviseOrWithdraw();
  void Acknowledge();
  std::vector<std::string> RandomAudience();
  std::string NewTitle();

  World& world_;
  SimNode& node_;
  Model& model_;
  std::map<std::uint64_t, Try> pending_;
  bool first_ = false;  // the try that is under way is its first, so OK means that it was stored
  // Newest version of each updated incident that was answered.
  std::map<std::string, std::uint32_t> incident_versions_;
  std::uint64_t next_pending_ = 1;
  std::uint64_t titles_ = 0;
  std::uint64_t answered_ = 0;
};

}  // namespace tripoint::simulation
