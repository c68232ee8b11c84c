-- Which devices of everybody are connected, until when, and who is not there any more. All of it lies in one slot of a
-- cluster. In front of this stand: lease, same_activity, holds, lapse_lease, silence (milliseconds) and most_devices.
--
-- KEYS[1] life: hash of name, incarnation and newest version of what is known here, since when all is known that was heard,
--         and when a node called last (milliseconds). What another life left counts as absent: it may be older than what
--         was told since
-- KEYS[2] deadlines: sorted set, user → when their last lease ends, or somebody's claim to tell of it (milliseconds)
-- KEYS[3] lapsed: hash, user → "life version seen", of those who are told to be offline until that is settled
-- KEYS[4] what the key of a person begins with
local life, deadlines, lapsed, prefix = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local seconds_of_a_day = 86400
local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2]) -- on the clock of Redis: the nodes' clocks differ
local now = math.floor(micros / 1000)

local function whole(n) return string.format('%.0f', n) end
local function text(x) return type(x) == 'string' and x or '' end
local function number(x) return type(x) == 'number' and x > 0 and x < 1e15 and x or 0 end

-- What is of another kind counts as absent, or it would be in the way for ever.
for key, kind in pairs({[life] = 'hash', [deadlines] = 'zset', [lapsed] = 'hash'}) do
	local found = redis.call('TYPE', key).ok
	if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end

-- A full Redis refuses what may need memory, unless something was written before in the same script. What lets people go
-- must not be refused.
if ARGV[1] ~= 'beat' then redis.call('ZREM', deadlines, '') end

-- Names what this server is since it was started or promoted: what it holds may have been brought from before that. Where
-- that may not be asked it has no name.
local function incarnation()
	local info = redis.pcall('INFO', 'replication')
	return type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
end

local name, since, newest
local function adopt()
	local known, own = redis.call('HMGET', life, 'name', 'incarnation', 'since', 'newest', 'called'), incarnation()
	local called = tonumber(known[5] or nil) or now
	name, since = known[1], tonumber(known[3] or nil)
	newest = math.max(tonumber(known[4] or nil) or 0, tonumber(ARGV[2]))
	if not name or not since or known[2] ~= own then
		name, since = whole(micros), now
		redis.call('HSET', life, 'name', name, 'incarnation', own, 'since', since)
	elseif since > now or now - called > silence then
		-- The clock was set, or this server stood still or was cut off: leases ended since though their devices live.
		since = now
		redis.call('HSET', life, 'since', since)
	end
end
adopt()

-- Whether all who are there have been heard by now.
local sure = now - since >= lease
local answer = {name, sure and 1 or 0, whole(now), 0}

local issued = false
local function next_version()
	issued = true
	newest = math.max(newest + 1, micros)
	return whole(newest)
end

local function finish()
	if issued then redis.call('HSET', life, 'newest', whole(newest)) end
	if ARGV[1] ~= 'ask' then
		redis.call('HSET', life, 'called', whole(now))
		for _, key in ipairs({life, deadlines, lapsed}) do redis.call('EXPIRE', key, seconds_of_a_day) end
	end
	answer[4] = whole(newest)
	return answer
end

local function rev_of(privacy) return tonumber(string.match(privacy, '^%d+')) or 0 end

local function shows(privacy)
	local enabled, sharing, invisible = string.match(privacy, '^%d+|(%d)|(%w*)|(%d)$')
	if enabled ~= '1' or sharing == 'nobody' then return 'nothing' end
	return invisible == '1' and 'frozen' or 'all'
end

-- A device as it is known, or nil when its lease is over. Times ahead are of a clock that was set back.
local function device(d)
	if type(d) ~= 'table' then return nil end
	local heard = math.min(number(d.heard), now)
	if heard + lease <= now then return nil end
	return {
		deviceId = text(d.deviceId), type = text(d.type), connectedAt = number(d.connectedAt), login = text(d.login),
		away = d.away == true, heard = heard, active = math.min(number(d.active), now), held = math.min(number(d.held), now)
	}
end

-- A person as they are known; what cannot be read is not. privacy is "rev|enabled|sharing|invisible", told what others may
-- know, "status|device|seen|privacy", seen in microseconds. Without a version nothing was told.
local function load(user)
	local p = {user = user, devices = {}, ended = {}, frozen = '', keep = 0}
	local stored = redis.pcall('GET', prefix .. user)
	local readable, known = pcall(cjson.decode, type(stored) == 'string' and stored or '')
	if not readable or type(known) ~= 'table' or known.life ~= name then return p end
	for user_login, over in pairs(type(known.ended) == 'table' and known.ended or {}) do
		over = math.min(number(over), now + lease)
		if over > now then p.ended[text(user_login)] = over end
	end
	local devices = type(known.devices) == 'table' and known.devices or {}
	for _, d in ipairs(devices) do p.devices[#p.devices + 1] = device(d) end
	p.keep = math.min(number(known.keep), now + lease)
	p.frozen = text(known.frozen)
	if string.match(text(known.privacy), '^%d+|%d|%w*|%d$') then p.privacy = known.privacy end
	if #p.devices > 0 or #devices == 0 then
		if string.match(text(known.version), '^%d+$') then p.version, p.told = known.version, text(known.told) end
	end
	return p
end

local function seen_of(p)
	local seen = 0
	for _, d in ipairs(p.devices) do seen = math.max(seen, d.heard) end
	return seen
end

local function best(p)
	local status, last = 'away', p.devices[1]
	for _, d in ipairs(p.devices) do
		if not d.away then status = 'online' end
		if d.active > last.active then last = d end
	end
	return status, last
end

-- Notes what others may be told of a person, seen last at that time if nothing is there. Answers whether it is something
-- else than before.
local function tell(p, seen)
	local told, shown = 'offline||', shows(p.privacy or '')
	if shown == 'frozen' then
		told = told .. p.frozen
	elseif shown == 'all' then
		if #p.devices > 0 then
			local status, last = best(p)
			told = status .. '|' .. last.type .. '|'
		else
			told = told .. seen
		end
	end
	told = told .. '|' .. (p.privacy or '0|0||0')
	if p.version and told == p.told then return false end
	local known = p.version
	p.version, p.told = next_version(), told
	return known and true or string.sub(told, 1, 7) ~= 'offline'
end

local function show(p)
	for _, part in ipairs({'told', p.user, p.version, p.told}) do answer[#answer + 1] = part end
end

local function save(p)
	local status, last, over = 'offline', {active = 0}, seen_of(p) + lease
	if #p.devices > 0 then status, last = best(p) end
	local until_when = math.max(over, p.keep)
	for _, at in pairs(p.ended) do until_when = math.max(until_when, at) end
	local stored = cjson.encode({
		status = status, lastActivity = last.active, devices = p.devices, ended = p.ended, keep = p.keep, frozen = p.frozen,
		privacy = p.privacy, version = p.version, told = p.told, life = name
	})
	-- The library writes an empty list as an object.
	if #p.devices == 0 then stored = string.gsub(stored, '"devices":{}', '"devices":[]', 1) end
	redis.call('SET', prefix .. p.user, stored, 'PX', whole(math.max(until_when - now, 1)))
	return over
end

local function bound(p)
	if #p.devices <= most_devices then return end
	local idlest = 1
	for i, d in ipairs(p.devices) do
		if d.active < p.devices[idlest].active then idlest = i end
	end
	table.remove(p.devices, idlest)
end

local function find(p, login, id)
	for _, d in ipairs(p.devices) do
		if d.login == login and d.deviceId == id then return d end
	end
	local d = {login = login, deviceId = id, heard = 0, active = 0, held = 0}
	p.devices[#p.devices + 1] = d
	return d
end

-- Takes the sign of life that begins at ARGV[i].
local function take(p, i)
	local privacy = ARGV[i + 8]
	if not p.privacy or rev_of(privacy) > rev_of(p.privacy) then p.privacy, p.frozen = privacy, '' end
	local d, active = find(p, ARGV[i + 1], ARGV[i + 2]), now - tonumber(ARGV[i + 6])
	d.heard = math.max(d.heard, now - tonumber(ARGV[i + 5]))
	if active < d.active - same_activity and now - d.held < holds then return end
	d.type, d.away, d.active, d.held = ARGV[i + 3], ARGV[i + 4] == '1', active, now
	d.connectedAt = now - tonumber(ARGV[i + 7])
	bound(p)
end

local work = {}

-- How many follow of whom everything is to be told, since an answer was lost; those people; then user, login, device, type,
-- away, ages of heard, active and connected (milliseconds) and privacy of each beat.
function work.beat()
	local first, in_doubt, people, order = 4 + tonumber(ARGV[3]), {}, {}, {}
	for i = 4, first - 1 do in_doubt[ARGV[i]] = true end
	for i = first, #ARGV, 9 do
		local p = people[ARGV[i]]
		if not p then
			p = load(ARGV[i])
			people[ARGV[i]], order[#order + 1] = p, p
		end
		if tonumber(ARGV[i + 5]) < lease and not p.ended[ARGV[i + 1]] then
			take(p, i)
			p.taken = true
		end
		p.newer = p.newer or p.privacy and rev_of(p.privacy) > rev_of(ARGV[i + 8])
	end
	local scores, were_lapsed = {}, redis.call('HLEN', lapsed) > 0
	for _, p in ipairs(order) do
		if p.taken then
			if tell(p, '') or in_doubt[p.user] then show(p) end
			scores[#scores + 1] = whole(save(p))
			scores[#scores + 1] = p.user
			if were_lapsed then redis.call('HDEL', lapsed, p.user) end
		end
		if p.newer then
			for _, part in ipairs({'newer', p.user, '', p.privacy}) do answer[#answer + 1] = part end
		end
	end
	if #scores > 0 then redis.call('ZADD', deadlines, unpack(scores)) end
	return finish()
end

local function lapse(user, at, version, seen)
	redis.call('ZADD', deadlines, whole(at), user)
	redis.call('HSET', lapsed, user, name .. ' ' .. version .. ' ' .. whole(seen))
end

-- Has beats of the login change nothing for a while. Of more logins than may be remembered the oldest is forgotten.
local function remember_ended(p, login)
	p.ended[login] = now + lease
	local count, oldest = 0, nil
	for each, over in pairs(p.ended) do
		count = count + 1
		if each ~= login and (not oldest or over < p.ended[oldest]) then oldest = each end
	end
	if count > most_devices then p.ended[oldest] = nil end
end

-- User, login.
function work.sign_out()
	local p, left = load(ARGV[3]), {}
	local were, seen = #p.devices, seen_of(p)
	for _, d in ipairs(p.devices) do
		if d.login ~= ARGV[4] then left[#left + 1] = d end
	end
	p.devices = left
	remember_ended(p, ARGV[4])
	if were > 0 then
		local told = tell(p, whole(seen * 1000))
		if told then show(p) end
		if #left == 0 then
			lapse(p.user, told and now + lapse_lease or now, p.version, seen)
		else
			redis.call('ZADD', deadlines, whole(seen_of(p) + lease), p.user)
		end
	end
	save(p)
	return finish()
end

-- User, privacy, when an invisible person was seen last (microseconds, or nothing).
function work.privacy()
	local p = load(ARGV[3])
	if not p.privacy or rev_of(p.privacy) <= rev_of(ARGV[4]) then
		p.privacy, p.frozen, p.keep = ARGV[4], ARGV[5], now + lease
		tell(p, '')
		show(p)
		save(p)
	end
	return finish()
end

-- How many at most. Answers user, version and when they were seen of each (milliseconds).
function work.lapse()
	-- Who was heard before a loss, or a silence, is told to be gone only when they had the time to be heard again.
	if not sure then return finish() end
	local limit = tonumber(ARGV[3])
	-- No lease ends so late: the clock was set back.
	local ahead = redis.call('ZRANGEBYSCORE', deadlines, whole(now + lease + 1000), '+inf', 'LIMIT', 0, limit)
	for _, user in ipairs(ahead) do
		local p = load(user)
		redis.call('ZADD', deadlines, whole(#p.devices > 0 and save(p) or now), user)
	end
	local due = redis.call('ZRANGEBYSCORE', deadlines, '-inf', whole(now), 'WITHSCORES', 'LIMIT', 0, limit)
	for i = 1, #due, 2 do
		local p, score = load(due[i]), tonumber(due[i + 1])
		if #p.devices > 0 then
			redis.call('ZADD', deadlines, whole(seen_of(p) + lease), p.user)
		else
			local of, version, seen = string.match(text(redis.call('HGET', lapsed, p.user)), '^(%d+) (%d+) (%d+)$')
			if of ~= name then version = next_version() end
			seen = tonumber(seen) or math.max(score - lease, 0)
			lapse(p.user, now + lapse_lease, version, seen)
			for _, part in ipairs({'lapsed', p.user, version, whole(seen)}) do answer[#answer + 1] = part end
		end
	end
	return finish()
end

-- User and version of each.
function work.settle()
	for i = 3, #ARGV, 2 do
		local version = string.match(text(redis.call('HGET', lapsed, ARGV[i])), '^%d+ (%d+) %d+$')
		if version == ARGV[i + 1] then
			redis.call('HDEL', lapsed, ARGV[i])
			redis.call('ZREM', deadlines, ARGV[i])
		end
	end
	return finish()
end

-- Only says what is known here, and since when.
function work.ask() return finish() end

return work[ARGV[1]]()
