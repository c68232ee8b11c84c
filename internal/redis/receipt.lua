-- How far everybody has read in one conversation, and the counts that follow from it. In a cluster all of it lies in
-- the slot of the conversation.
--
-- KEYS[1] state: hash of epoch, version, people (how many are counted), since when (microseconds), for how long counts
--         lasts, when somebody was asked to renew, and the server's incarnation; without people the conversation is unseeded
-- KEYS[2] positions: sorted set, user → seq. Seeded, it has those who are counted. Unseeded, it also keeps what others
--         read meanwhile, so that a seed misses nothing that happened after the store was read
-- KEYS[3] tracked: sorted set, "message sender" → seq, of the messages whose counts are kept right
-- KEYS[4] what the key of a count begins with
-- KEYS[5] and on: the queue, where it is in reach
local state, positions, tracked, counts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local most_tracked = 100
-- How long a seed may be kept going by those who read; who counts renews it sooner.
local longest_seed = 600 * 1000000

local function each_tracked(after, upto, with)
	local found = redis.call('ZRANGEBYSCORE', tracked, after, upto, 'WITHSCORES')
	for i = 1, #found, 2 do
		local message, sender = string.match(found[i], '^(%S*) (.*)$')
		with(message, sender, tonumber(found[i + 1]))
	end
end

local function touch()
	for i = 1, 3 do redis.call('EXPIRE', KEYS[i], seconds_of_a_day) end
end

local function unseed()
	redis.call('HDEL', state, 'people', 'since', 'lasts', 'asked')
	each_tracked('-inf', '+inf', function(message) redis.call('DEL', counts .. message) end)
end

-- Whether the positions are those of everybody who is counted. If not, nothing is left that looks so.
local function seeded()
	local known = redis.call('HMGET', state, 'people', 'since')
	if not known[1] then return false end
	local age = now - tonumber(known[2])
	if tonumber(known[1]) == redis.call('ZCARD', positions) and age < longest_seed and age > -longest_seed then
		return true
	end
	unseed()
	return false
end

local function next_number(field, least)
	local last = tonumber(redis.call('HGET', state, field) or 0)
	local following = whole(math.max(last + 1, now, least or 0))
	redis.call('HSET', state, field, following)
	return following
end

-- What another incarnation left may be older than what was told since, and so may a seed be that somebody prepares.
local function adopt()
	local name = incarnation()
	if redis.call('HGET', state, 'incarnation') == name then return end
	redis.call('HSET', state, 'incarnation', name)
	unseed()
	next_number('epoch')
	touch()
end

-- Whether whoever counts now is to renew the seed: the first who finds it old, and when nothing came of that, everybody.
local function to_be_renewed(within)
	local known = redis.call('HMGET', state, 'since', 'lasts', 'asked')
	local over = now - tonumber(known[1]) - tonumber(known[2] or 0)
	local asked = known[3] and now - tonumber(known[3])
	if over < 0 and now >= tonumber(known[1]) or over < within and asked and asked >= 0 and asked < within then
		return false
	end
	redis.call('HSET', state, 'asked', whole(now))
	return true
end

local function count(seq, sender)
	local n = redis.call('ZCOUNT', positions, whole(seq), '+inf')
	local own = redis.call('ZSCORE', positions, sender)
	if own and tonumber(own) >= seq then n = n - 1 end
	return n
end

local function recount(after, upto)
	each_tracked(after, upto, function(message, sender, seq)
		redis.call('SET', counts .. message, whole(count(seq, sender)), 'EX', seconds_of_a_day)
	end)
end

local work = {}

-- What to do, most that may wait, then user, seq and step of each. A private step names no user: nothing here moves by
-- it. What to do is
--   read   queue what is news, and move
--   again  queue everything, and move
--   ask    only say what is news
--   move   only move
-- Answers whether it is seeded, the life where something was queued, and the numbers, from 0, of those who bring news.
function work.advance()
	local how, is_seeded = ARGV[2], seeded()
	local answer, steps, moves = {is_seeded and 1 or 0, ''}, {}, {}
	local least, furthest = math.huge, 0
	for i = 4, #ARGV, 3 do
		local user, seq = ARGV[i], tonumber(ARGV[i + 1])
		local private = user == ''
		local at = not private and tonumber(redis.call('ZSCORE', positions, user) or nil)
		local further = not at or seq > at
		if further or how == 'again' then
			answer[#answer + 1] = (i - 4) / 3
			steps[#steps + 1] = ARGV[i + 2]
		end
		if further and not private and (at or not is_seeded) then
			moves[#moves + 1] = seq
			moves[#moves + 1] = user
			least, furthest = math.min(least, at or 0), math.max(furthest, seq)
		end
	end
	if #steps > 0 and (how == 'read' or how == 'again') then
		local queue = queue_at(5)
		if queue.full(#steps, tonumber(ARGV[3])) then
			return redis.error_reply('FULL too many steps wait to be written')
		end
		queue.push(steps)
		answer[2] = queue.life()
	end
	if #moves > 0 and how ~= 'ask' then
		in_parts('ZADD', positions, moves)
		if is_seeded then
			recount('(' .. whole(least), whole(furthest))
			next_number('version')
		end
	end
	touch()
	return answer
end

-- How long somebody may take to renew, microseconds, then message, seq and sender of each. Answers the version and the
-- counts; nothing when it is unseeded, and 'old' to who is to renew.
function work.counts()
	if not seeded() then return {} end
	if to_be_renewed(tonumber(ARGV[2])) then return {'old'} end
	for i = 3, #ARGV, 3 do
		redis.call('ZADD', tracked, ARGV[i + 1], ARGV[i] .. ' ' .. ARGV[i + 2])
	end
	local over = redis.call('ZCARD', tracked) - most_tracked
	if over > 0 then
		for _, member in ipairs(redis.call('ZRANGE', tracked, 0, over - 1)) do
			redis.call('DEL', counts .. string.match(member, '^%S*'))
		end
		redis.call('ZREMRANGEBYRANK', tracked, 0, over - 1)
	end
	local answer = {redis.call('HGET', state, 'version')}
	for i = 3, #ARGV, 3 do
		local n = count(tonumber(ARGV[i + 1]), ARGV[i + 2])
		if redis.call('ZSCORE', tracked, ARGV[i] .. ' ' .. ARGV[i + 2]) then
			redis.call('SET', counts .. ARGV[i], whole(n), 'EX', seconds_of_a_day)
		end
		answer[#answer + 1] = whole(n)
	end
	touch()
	return answer
end

-- Epoch, least version, for how long counts last (microseconds), then seq and user of each.
function work.seed()
	if redis.call('HGET', state, 'epoch') ~= ARGV[2] then return {} end
	local all = {}
	for i = 5, #ARGV, 2 do
		local at = redis.call('ZSCORE', positions, ARGV[i + 1])
		all[#all + 1] = math.max(tonumber(ARGV[i]), tonumber(at or 0))
		all[#all + 1] = ARGV[i + 1]
	end
	redis.call('DEL', positions)
	in_parts('ZADD', positions, all)
	redis.call('HSET', state, 'people', #all / 2, 'since', whole(now), 'lasts', ARGV[4])
	redis.call('HDEL', state, 'asked')
	next_number('version', tonumber(ARGV[3]))
	recount('-inf', '+inf')
	touch()
	return {}
end

function work.epoch()
	local epoch = redis.call('HGET', state, 'epoch') or next_number('epoch')
	touch()
	return {epoch}
end

-- Those whose positions are forgotten.
function work.unseed()
	unseed()
	next_number('epoch')
	for i = 2, #ARGV do redis.call('ZREM', positions, ARGV[i]) end
	touch()
	return {}
end

adopt()
return work[ARGV[1]]()
