//go:build race

package simulation_test

// usual is how many seeds a test run plays; with the race detector each takes ten times as long.
const usual = 25
