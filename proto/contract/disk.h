// What every room that writes files does in the same way: knowing a full disk, and making the names
// in a folder durable. Any thread.
#pragma once

#include <string>

namespace tripoint::contract {

// Whether an `errno` says that there is no room, or none for this account.
bool IsDiskFull(int error);

// Makes new and changed names in the folder durable. Result: 0, or the error.
int SyncFolder(const std::string& folder);

// Makes the folder and those above it that are missing, and makes each of their names durable: a
// loss of power right after takes none away. Result: 0, also when it was there; or the error.
int MakeFolder(const std::string& folder);

}  // namespace tripoint::contract
