// A node in memory, as small as the CLI's tests allow, behind the Session interface. It keeps
// incidents and notices of vn-quangngai, whose peer la-attapeu is up (stores at once) and whose
// peer kh-ratanakiri is down. One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "client/session.h"
#include "fake_host.h"
#include "tripoint/v1/bundle.pb.h"
#include "tripoint/v1/evidence.pb.h"
#include "tripoint/v1/incident.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::client {

class FakeNode {
 public:
  explicit FakeNode(FakeHost& host) : host_(host) {}

  FakeHost& host_;
  std::map<std::string, v1::Incident> incidents;              // by name
  std::map<std::string, std::vector<v1::Incident>> versions;  // newest first
  std::map<std::string, v1::Notice> notices;
  std::map<std::string, std::string> request_ids;  // -> incident name
  std::vector<std::string> methods;                // every call, in order
  std::vector<std::string> sent_request_ids;
  std::deque<absl::Status> failures;  // answers of the next calls, before anything else
  std::size_t most_in_flight = 0;     // requests of one stream without an answer
  // What Follow plays, one step each: a change, or (number 0) a quiet moment; `drop` ends the
  // connection.
  struct Step {
    v1::Change change;
    bool drop = false;
    std::function<void()> before;
  };
  std::deque<Step> feed;
  std::vector<uint64_t> followed_after;
  uint64_t change_number = 0;
  std::vector<v1::Change> journal;  // served by Follow before `feed`; then change_number is its end
  std::vector<v1::QuarantinedEnvelope> quarantine;
  std::vector<v1::QueuedEnvelope> queue;
  std::vector<v1::LinkEvent> events;  // newest first
  bool kh_up = false;
  std::vector<std::string> parts;  // of the bundle that it makes
  std::vector<v1::ImportBundleRequest> imported;
  std::string damaged;  // what the check of stored logs says of the channel to la-attapeu

  absl::Status Answer(std::string_view method, const google::protobuf::Message& request,
                      google::protobuf::Message& response);
  absl::Status Follow(const v1::WatchChangesRequest& request, const FeedHandler& handler);
  Connect Connector();

  // Puts a notice of la-attapeu into the inbox; gives its name.
  std::string Receive(const std::string& title, int64_t ack_by_ms);
  // Sets `hold`, such as NOT_PAIRED, and its reason on every delivery to `unit`, as a node would
  // say.
  void Hold(const std::string& unit, const std::string& hold, const std::string& reason);
  v1::Incident& AddIncident(const std::string& title);
  // Entries of the journal, a minute apart, the last one now; every third is a peer's batch.
  void FillJournal(int entries);
  // One envelope refused here, one refused there.
  void FillQuarantine();
  // Two that wait for kh-ratanakiri, one of them of 25 in its lane; one on its way to la-attapeu.
  void FillQueue();
  // The life of a link: dialled in vain, up, traffic, silent.
  void FillTrace();

 private:
  void VerifyLogs(const v1::VerifyLogsRequest& request, v1::VerifyLogsResponse& answer);
  absl::Status Incidents(std::string_view method, const google::protobuf::Message& request,
                         google::protobuf::Message& response);
  absl::Status Notices(std::string_view method, const google::protobuf::Message& request,
                       google::protobuf::Message& response);
  v1::Incident Record(const v1::CreateIncidentRequest& request, bool& existed);
  std::string NextReference(char kind, const std::string& unit_short);

  std::map<std::string, uint64_t> numbers_;
};

}  // namespace tripoint::client
