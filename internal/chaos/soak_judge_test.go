package chaos

import (
	"math/rand/v2"
	"testing"
	"time"
)

// series are samples whose goroutines are as f says, with a tenth of noise.
func series(n int, f func(i int) float64) []sample {
	random := rand.New(rand.NewPCG(1, 1))
	var out []sample
	began := time.Now()
	for i := range n {
		goroutines := f(i) * (0.95 + 0.1*random.Float64())
		out = append(out, sample{at: began.Add(time.Duration(i) * time.Second), goroutines: goroutines, descriptors: 100, heap: 20e6, resident: 90e6})
	}
	return out
}

func TestWhatGrowsIsTakenForWhatGrowsAndWhatWavesIsNot(t *testing.T) {
	rest := sample{goroutines: 40, descriptors: 20, heap: 4e6, resident: 80e6}
	for _, row := range []struct {
		what  string
		f     func(i int) float64
		after sample
		want  string
	}{
		{"level", func(int) float64 { return 500 }, rest, Flat},
		{"a wave", func(i int) float64 { return 500 + 100*float64(i%20)/20 }, rest, Flat},
		{"an outlier at the end", func(i int) float64 {
			if i == 99 {
				return 2000
			}
			return 500
		}, rest, Flat},
		{"one a second that is never given back", func(i int) float64 { return 500 + 2*float64(i) }, rest, Grows},
		{"falling", func(i int) float64 { return 900 - 4*float64(i) }, rest, Flat},
		{"level, and not given back at the end", func(int) float64 { return 500 }, sample{goroutines: 90, descriptors: 20, heap: 4e6}, Stays},
	} {
		if got := figures[0].judge("node", series(100, row.f), rest, row.after); got.Verdict != row.want {
			t.Errorf("%s: %+v, want %s", row.what, got, row.want)
		}
	}
}
