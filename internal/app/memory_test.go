package app

import "testing"

func TestASmallHeapHasRoomToGrowAndALargeOneDoubles(t *testing.T) {
	for live, want := range map[uint64]int{0: 1600, 4 << 20: 1600, 16 << 20: 400, 33 << 20: 150, 64 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(live); got != want {
			t.Errorf("with %d MiB live the percent is %d, want %d", live>>20, got, want)
		}
	}
}
