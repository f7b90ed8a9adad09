// See encodings.h. Knows the wire format of protobuf and nothing of its library's writer.
#include "tests/unit/exchange/encodings.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tripoint::exchange {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using simulation::Random;

enum Wire : std::uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };
constexpr std::uint32_t kUnknownField = 2047;

struct Field {
  std::uint32_t number = 0;
  std::uint8_t wire = 0;
  std::string value;  // without a length
};

// `padding` bytes more than it needs.
std::string Varint(std::uint64_t value, int padding) {
  std::string bytes;
  while (value >= 0x80) {
    bytes.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  bytes.push_back(static_cast<char>(value));
  for (int i = 0; i < padding; ++i) {
    bytes.back() = static_cast<char>(bytes.back() | 0x80);
    bytes.push_back('\0');
  }
  return bytes;
}

std::optional<std::uint64_t> ReadVarint(const std::string& bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(bytes[at++]);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// Nothing when `bytes` are not fields.
std::vector<Field> Split(const std::string& bytes) {
  std::vector<Field> fields;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto tag = ReadVarint(bytes, at);
    if (!tag.has_value()) return {};
    Field field{.number = static_cast<std::uint32_t>(*tag >> 3),
                .wire = static_cast<std::uint8_t>(*tag & 7),
                .value = {}};
    const std::size_t begin = at;
    std::size_t size = field.wire == kFixed64 ? 8 : 4;
    if (field.wire == kVarint) {
      if (!ReadVarint(bytes, at).has_value()) return {};
      size = at - begin;
      at = begin;
    } else if (field.wire == kLength) {
      const auto length = ReadVarint(bytes, at);
      if (!length.has_value()) return {};
      size = *length;
    } else if (field.wire != kFixed64 && field.wire != kFixed32) {
      return {};
    }
    if (size > bytes.size() - at) return {};
    field.value = bytes.substr(at, size);
    at += size;
    fields.push_back(std::move(field));
  }
  return fields;
}

std::string Join(const Field& field, int tag_padding = 0, int length_padding = 0) {
  std::string bytes = Varint(std::uint64_t{field.number} << 3 | field.wire, tag_padding);
  if (field.wire == kLength) bytes += Varint(field.value.size(), length_padding);
  return bytes + field.value;
}

std::string Join(const std::vector<Field>& fields) {
  std::string bytes;
  for (const Field& field : fields) bytes += Join(field);
  return bytes;
}

std::string FlipBit(std::string bytes, Random& random) {
  if (bytes.empty()) return bytes;
  bytes[random.Below(bytes.size())] ^= static_cast<char>(1u << random.Below(8));
  return bytes;
}

// A field of `type` that is not there, with the value that it has then.
std::string Default(const Descriptor& type, const std::vector<Field>& fields, Random& random) {
  const FieldDescriptor& field =
      *type.field(static_cast<int>(random.Below(static_cast<std::uint64_t>(type.field_count()))));
  const auto number = static_cast<std::uint32_t>(field.number());
  const bool there = std::any_of(fields.begin(), fields.end(),
                                 [&](const Field& one) { return one.number == number; });
  if (there || field.is_repeated() || field.containing_oneof() != nullptr) return {};
  switch (field.type()) {
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
      return Join({.number = number, .wire = kLength, .value = {}});
    case FieldDescriptor::TYPE_FIXED64:
    case FieldDescriptor::TYPE_DOUBLE:
      return Join({.number = number, .wire = kFixed64, .value = std::string(8, '\0')});
    case FieldDescriptor::TYPE_MESSAGE:
      return {};  // an empty message is not the same as none
    default:
      return Join({.number = number, .wire = kVarint, .value = std::string(1, '\0')});
  }
}

// One field of `fields`, `at`, encoded in another way.
std::string OneOther(const std::vector<Field>& fields, std::size_t at, Random& random) {
  const Field& field = fields[at];
  const auto padding = static_cast<int>(1 + random.Below(2));
  switch (random.Below(6)) {
    case 0:
      return Join(field, padding, 0);
    case 1:
      if (field.wire == kLength) return Join(field, 0, padding);
      if (field.wire == kVarint) {
        std::size_t begin = 0;
        return Join({.number = field.number,
                     .wire = kVarint,
                     .value = Varint(*ReadVarint(field.value, begin), padding)});
      }
      return Join(field, padding, 0);
    case 2:
      return Join(field) + Join(field);
    case 3: {  // another value before it: the last one counts
      Field before = field;
      before.value = FlipBit(before.value, random);
      return Join(before) + Join(field);
    }
    case 4: {  // in two parts, which a parser merges if it is a message
      const std::vector<Field> parts =
          field.wire == kLength ? Split(field.value) : std::vector<Field>();
      if (parts.size() < 2) return Join(field, padding, 0);
      const auto cut =
          parts.begin() + static_cast<std::ptrdiff_t>(1 + random.Below(parts.size() - 1));
      return Join({.number = field.number,
                   .wire = kLength,
                   .value = Join(std::vector<Field>(parts.begin(), cut))}) +
             Join({.number = field.number,
                   .wire = kLength,
                   .value = Join(std::vector<Field>(cut, parts.end()))});
    }
    default: {
      const Field unknown{.number = kUnknownField,
                          .wire = kVarint,
                          .value = Varint(random.Next(), static_cast<int>(random.Below(2)))};
      return Join(unknown) + Join(field);
    }
  }
}

std::string Attempt(const std::string& bytes, const Descriptor& type, Random& random) {
  std::vector<Field> fields = Split(bytes);
  if (fields.empty() || random.Below(8) == 0) return FlipBit(bytes, random);
  const std::size_t at = random.Below(fields.size());
  Field& field = fields[at];
  const FieldDescriptor* known = type.FindFieldByNumber(static_cast<int>(field.number));
  const Descriptor* inner = known == nullptr ? nullptr : known->message_type();
  if (inner != nullptr && field.wire == kLength && !field.value.empty() && random.Below(2) == 0) {
    field.value = Attempt(field.value, *inner, random);
    return Join(fields);
  }
  if (random.Below(6) == 0) return bytes + Default(type, fields, random);
  if (random.Below(4) == 0) {
    std::swap(field, fields[random.Below(fields.size())]);
    return Join(fields);
  }
  std::string other;
  for (std::size_t i = 0; i < fields.size(); ++i)
    other += i == at ? OneOther(fields, at, random) : Join(fields[i]);
  return other;
}

}  // namespace

std::string OtherEncoding(const std::string& bytes, const Descriptor& type, Random& random) {
  std::string other = bytes;
  while (other == bytes) other = Attempt(bytes, type, random);
  return other;
}

}  // namespace tripoint::exchange
