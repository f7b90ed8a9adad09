// See weather.h.
#include "tests/simulation/weather.h"

namespace tripoint::simulation {

Weather DrawWeather(Random& random) {
  const auto below = [&random](std::uint64_t bound) {
    return static_cast<int>(random.Below(bound));
  };
  Weather weather;
  if (random.Chance(600)) weather.crash_per_mille = below(15);
  if (random.Chance(700)) weather.network.reset_per_mille = below(60);
  weather.reset_a_second = weather.network.reset_per_mille;
  if (random.Chance(700)) weather.cut_a_second = below(150);
  if (random.Chance(300)) weather.full_a_second = below(60);
  if (random.Chance(500)) weather.power_a_second = below(40);
  if (random.Chance(500)) weather.dial_a_second = below(200);
  if (random.Chance(300)) weather.poison_a_second = 30;
  weather.disk.seed = random.Next();
  if (random.Chance(500)) {
    weather.disk.fail_lost_per_mille = below(6);
    weather.disk.fail_stored_per_mille = below(6);
    weather.disk.fail_later_per_mille = below(6);
    weather.disk.disk_full_per_mille = below(10);
  }
  if (random.Chance(400)) weather.disk.delay_us_max = 30'000;
  if (random.Chance(300)) weather.network.latency_us_max = 600'000;
  if (random.Chance(300)) weather.network.bytes_a_second = 8'000;
  return weather;
}

Weather WeatherOf(const Scenario& scenario, Random& random) {
  const Line officers = scenario.Only("officers");
  const Line network = scenario.Only("network");
  const Line crash = scenario.Only("crash");
  const Line disk = scenario.Only("disk");
  const auto chance = [](const Line& line, std::string_view key) {
    return static_cast<int>(line[key]);
  };
  Weather weather;
  weather.act_a_second = chance(officers, "act");
  weather.burst_a_second = chance(officers, "burst");
  weather.burst_size = chance(officers, "burst_size");
  weather.poison_a_second = chance(officers, "poison");
  weather.import_a_second = chance(officers, "import");
  weather.crash_per_mille = chance(crash, "at_commit");
  weather.power_a_second = chance(crash, "a_second");
  weather.down_us_max = crash["down"];
  weather.cut_a_second = chance(network, "cut");
  weather.dial_a_second = chance(network, "dial");
  weather.full_a_second = chance(disk, "full_a_second");
  weather.late_per_mille = chance(disk, "late");
  weather.clock_jump_a_second = 0;
  weather.disk = {.seed = random.Next(),
                  .fail_lost_per_mille = chance(disk, "lost"),
                  .fail_stored_per_mille = chance(disk, "stored"),
                  .fail_later_per_mille = chance(disk, "later"),
                  .fail_torn_per_mille = chance(disk, "torn"),
                  .disk_full_per_mille = chance(disk, "full"),
                  .delay_us_max = disk["delay"]};
  weather.network = {.latency_us_max = network["latency"],
                     .bytes_a_second = network["rate"],
                     .reset_per_mille = chance(network, "reset"),
                     .drop_per_mille = chance(network, "drop"),
                     .duplicate_per_mille = chance(network, "duplicate"),
                     .delay_per_mille = chance(network, "delay"),
                     .delay_us_max = network["delay_by"]};
  return weather;
}

}  // namespace tripoint::simulation
