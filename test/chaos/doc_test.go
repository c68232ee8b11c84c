// Package chaos_test is the short form of parley-chaos: on each shape of real processes people chat while a
// few things break, and the checker judges. `make chaos` is the long form.
package chaos_test
