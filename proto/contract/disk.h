// What every room that writes files does in the same way: knowing a full disk, and making the names
// in a folder durable. Any thread.
#pragma once

#include <string>

namespace tripoint::contract {

// Whether an `errno` says that there is no room, or none for this account.
bool IsDiskFull(int error);

// Makes new and changed names in the folder durable. Result: 0, or the error.
int SyncFolder(const std::string& folder);

}  // namespace tripoint::contract
