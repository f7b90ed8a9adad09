// tripoint.v1.CodesService. See codes_service.h.
#include "server/rpc/codes_service.h"

#include "proto/contract/error.h"

namespace tripoint::rpc {

using domain::Permission;

CodesService::CodesService(const Backend& backend) : backend_(backend) {}

grpc::ServerUnaryReactor* CodesService::ListCodes(grpc::CallbackServerContext* context,
                                                  const v1::ListCodesRequest* request,
                                                  v1::ListCodesResponse* response) {
  v1::ListCodesRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadCodes, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  const codes::Registry& registry = backend_.registry;
  response->set_version(std::string(codes::kCodesVersion));
  if (checked.list().empty()) {
    for (std::string& name : registry.ListNames()) response->add_codes()->set_code(std::move(name));
    return Answer(context, absl::OkStatus());
  }
  const codes::CodeList* list = registry.List(checked.list());
  if (list == nullptr) {
    contract::Problem problem;
    problem.reason = contract::Reason::kNotFound;
    problem.what = "There is no code list " + checked.list();
    problem.why = "The lists are those that an empty name gives.";
    problem.next = "See the lists with: tripoint codes";
    problem.variables["list"] = checked.list();
    return Answer(context, contract::Error(absl::StatusCode::kNotFound, problem));
  }
  for (const codes::Code& code : list->codes()) {
    v1::Code& entry = *response->add_codes();
    entry.set_code(code.code);
    entry.set_group(code.group);
    entry.set_label(registry.Label(checked.list(), code.code, checked.language_code()));
    entry.set_translated(registry.Translated(checked.list(), code.code, checked.language_code()));
  }
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* CodesService::ListUnits(grpc::CallbackServerContext* context,
                                                  const v1::ListUnitsRequest* request,
                                                  v1::ListUnitsResponse* response) {
  v1::ListUnitsRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadCodes, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  const std::string date =
      checked.date().empty() ? codes::IsoDate(backend_.now_ms() / 1000) : checked.date();
  for (const codes::Unit* unit : backend_.registry.UnitsAt(date)) {
    v1::Unit& entry = *response->add_units();
    entry.set_id(unit->id);
    entry.set_short_code(unit->short_code);
    entry.set_country(unit->country);
    entry.set_name(std::string(unit->Name(checked.language_code())));
    entry.set_name_local(std::string(unit->LocalName()));
    for (const codes::Unit* neighbour : backend_.registry.Neighbours(unit->id, date)) {
      entry.add_neighbours(neighbour->id);
    }
    entry.set_successor(unit->successor);
    entry.set_valid_from(unit->span.valid_from);
    entry.set_valid_until(unit->span.valid_to);
  }
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* CodesService::ListGates(grpc::CallbackServerContext* context,
                                                  const v1::ListGatesRequest* request,
                                                  v1::ListGatesResponse* response) {
  v1::ListGatesRequest& checked = OwnRequest(request);
  const absl::StatusOr<domain::Caller> caller =
      AdmitRequest(backend_, *context, Permission::kReadCodes, checked);
  if (!caller.ok()) return Answer(context, caller.status());
  const std::string date = codes::IsoDate(backend_.now_ms() / 1000);
  for (const codes::Gate& gate : backend_.registry.gates()) {
    v1::Gate& entry = *response->add_gates();
    entry.set_id(gate.id);
    entry.set_name(gate.Name(checked.language_code()));
    entry.set_kind(std::string(gate.Kind(date)));
    for (const codes::Unit* unit : backend_.registry.GateUnits(gate, date))
      entry.add_units(unit->id);
    entry.set_latitude_deg(gate.latitude_deg.value_or(0));
    entry.set_longitude_deg(gate.longitude_deg.value_or(0));
    entry.set_verified(gate.verified);
  }
  return Answer(context, absl::OkStatus());
}

}  // namespace tripoint::rpc
