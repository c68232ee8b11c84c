-- One use of a limit by the generic cell rate algorithm, on the clock of Redis: the nodes' clocks differ.
-- KEYS[1]  holds the theoretical arrival time as "seconds:nanoseconds"
-- ARGV[1]  emission interval: nanoseconds between two uses at the steady rate
-- ARGV[2]  tolerance: nanoseconds that a burst may be ahead of the steady rate
-- Answers whether the use is allowed, and how many nanoseconds the arrival time then lies ahead of now.
--
-- Everything is told relative to now, since a number here holds whole nanoseconds of 104 days only.
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now_s, now_ns = tonumber(time[1]), tonumber(time[2]) * 1000

-- What is not an arrival time counts as none and is written over, or it would be in the way for ever.
local ahead = 0
local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'string' then
	local s, ns = string.match(stored, '^(%d+):(%d+)$')
	if s then
		ahead = (tonumber(s) - now_s) * 1e9 + tonumber(ns) - now_ns
	end
end
-- More than the tolerance is never stored: the clock was set back.
ahead = math.max(0, math.min(ahead, tolerance))

if ahead + interval > tolerance then
	return {0, ahead}
end
ahead = ahead + interval
local ns = now_ns + ahead
local s = math.floor(ns / 1e9)
redis.call('SET', KEYS[1], string.format('%d:%d', now_s + s, ns - s * 1e9), 'PX', math.ceil(ahead / 1e6))
return {1, ahead}
