// See bare_calls.h.
#include "tests/bench/bare_calls.h"

#include <cstdlib>
#include <utility>

namespace tripoint::bench {
namespace {

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

}  // namespace tripoint::bench
