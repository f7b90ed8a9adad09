// A refusal as google.rpc.Status: what travels to officers, and what stands in the results of a
// batch. Pure; any thread. Called by incident_changes.cc and server/rpc.
#pragma once

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace tripoint::operations {

// Code, message and details. Exactly one google.rpc.ErrorInfo is among the details: a status that
// contract::Error did not make becomes INTERNAL / INTERNAL, and its text, which nobody wrote for
// officers, stays here. Cancelled and deadline-exceeded calls keep their code.
google::rpc::Status ToRpcStatus(const absl::Status& status);

}  // namespace tripoint::operations
