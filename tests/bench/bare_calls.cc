// See bare_calls.h.
#include "tests/bench/bare_calls.h"

#include <cstdlib>
#include <utility>

namespace tripoint::bench {
namespace {

const grpc::Status kNoSuchRecord(grpc::StatusCode::INVALID_ARGUMENT, "no such record");

// Stores `write` on this thread; `number` is that of its first record.
grpc::Status Store(BareStore& store, Write write, std::uint64_t& number) {
  bool stored = false;
  write.done = [&stored, &number](bool ok, std::uint64_t first) {
    stored = ok;
    number = first;
  };
  store.Put(std::move(write));
  return stored ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNAVAILABLE, "not stored");
}

}  // namespace

std::string NameOf(const std::string& unit, const char* collection, std::uint64_t number) {
  return "units/" + unit + "/" + collection + "/" + std::to_string(number);
}

std::uint64_t NumberOf(const std::string& name) {
  return std::strtoull(name.substr(name.rfind('/') + 1).c_str(), nullptr, 10);
}

BlockingIncidents::BlockingIncidents(std::string unit, BareStore& store)
    : unit_(std::move(unit)), store_(store) {}

grpc::Status BlockingIncidents::CreateIncident(grpc::ServerContext* /*context*/,
                                               const v1::CreateIncidentRequest* request,
                                               v1::Incident* response) {
  std::uint64_t number = 0;
  const grpc::Status status =
      Store(store_, {kCreateIncident, {request->incident().SerializeAsString()}, false, 0, nullptr},
            number);
  *response = request->incident();
  response->set_name(NameOf(unit_, "incidents", number));
  return status;
}

grpc::Status BlockingIncidents::GetIncident(grpc::ServerContext* /*context*/,
                                            const v1::GetIncidentRequest* request,
                                            v1::Incident* response) {
  const std::string body = store_.Body(NumberOf(request->name()));
  return !body.empty() && response->ParseFromString(body) ? grpc::Status::OK : kNoSuchRecord;
}

BlockingNotices::BlockingNotices(std::string unit, BareStore& store)
    : unit_(std::move(unit)), store_(store) {}

grpc::Status BlockingNotices::CreateNotice(grpc::ServerContext* /*context*/,
                                           const v1::CreateNoticeRequest* request,
                                           v1::Notice* response) {
  std::uint64_t number = 0;
  const grpc::Status status = Store(
      store_, {kCreateNotice, {request->notice().SerializeAsString()}, false, 0, nullptr}, number);
  *response = request->notice();
  response->set_name(NameOf(unit_, "notices", number));
  response->set_etag("1");
  return status;
}

grpc::Status BlockingNotices::ShareNotice(grpc::ServerContext* /*context*/,
                                          const v1::ShareNoticeRequest* request,
                                          v1::ShareNoticeResponse* response) {
  const std::uint64_t draft_number = NumberOf(request->name());
  const std::string draft = store_.Body(draft_number);
  if (draft.empty() || !response->mutable_notice()->ParseFromString(draft)) return kNoSuchRecord;
  response->mutable_notice()->set_name(request->name());
  std::uint64_t number = 0;
  return Store(store_,
               {kShareNotice, {request->name() + '\0' + draft}, true, draft_number, nullptr},
               number);
}

}  // namespace tripoint::bench
