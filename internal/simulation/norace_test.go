//go:build !race

package simulation_test

// usual is how many seeds a test run plays.
const usual = 2000
