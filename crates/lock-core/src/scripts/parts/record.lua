-- Attempts and token of a hold record, if it belongs to the hold that is there now: either both have no end, or both have the same time left.
-- (One script sets both times, but before Redis 7.2 not at the same instant.) Several attempts of one owner may hold a lock together. Commas
-- separate them. Each but the first is `<attempt>@<ms>`: without this attempt the lock would have ended `ms` before the record's end (`n`:
-- never). The record's end moves with its slot to a server with another clock, and a point in time would not.
-- "+" stands for attempts that the record does not name. "!" in front: a caller was promised the end of the lock.
local function record_of(lock, record_key)
  local record = redis.call('GET', record_key)
  if not record then return end
  local attempts, token, timed = string.match(record, '^([^:]*):(%d+):([01])$')
  local left = redis.call('PTTL', lock)
  if timed == '0' and left == -1 then return attempts, tonumber(token) end
  if timed == '1' and left >= 0 and math.abs(left - redis.call('PTTL', record_key)) <= 5 then
    return attempts, tonumber(token)
  end
end

-- Whether the attempt is one of `attempts`, and its entry.
local function names(attempts, attempt)
  for entry in string.gmatch(attempts, '[^,]+') do
    if string.match(entry, '^[^@]*') == attempt then return true, entry end
  end
  return false
end

-- The attempts without this one or, with `entry`, with this one as the last. At most 64 are named. If there are more, the oldest one without
-- an `@<ms>` is left out, or the oldest one if each has one.
local function change(attempts, attempt, entry)
  local list, others, promised = {}, false, false
  for other in string.gmatch(attempts, '[^,]+') do
    if other == '+' then
      others = true
    elseif other == '!' then
      promised = true
    elseif string.match(other, '^[^@]*') ~= attempt then
      list[#list + 1] = other
    end
  end
  if entry then list[#list + 1] = entry end
  if #list > 64 then
    local oldest = 1
    for at = #list, 1, -1 do
      if not string.find(list[at], '@', 1, true) then oldest = at end
    end
    others = true
    table.remove(list, oldest)
  end
  if others then table.insert(list, 1, '+') end
  if promised and #list > 0 then table.insert(list, 1, '!') end
  return table.concat(list, ',')
end

-- The same attempts, with the mark of a promised end if `promises` is true.
local function promise(attempts, promises)
  if not promises or string.byte(attempts) == 33 then return attempts end
  return '!,' .. attempts
end

-- The time left in ms ('0': no end) that an acquire of `ms` gives to a lock which its owner holds already. The latest acquire decides, but it
-- does not bring a promised end forward.
local function time_left(lock, attempts, ms)
  if ms == '0' or not attempts or string.byte(attempts) ~= 33 then return ms end
  local left = redis.call('PTTL', lock)
  if left < 0 then return '0' end
  return left > tonumber(ms) and string.format('%.0f', left) or ms
end

-- How long the record of a lock with a lease of `ms` lives. A lock without an end ('0') has a record with one, so that no record stays for ever.
local function record_ms(ms) return ms == '0' and '86400000' or ms end

-- The attempts with one more, which takes a lock that its owner holds already and gives it `ms`.
local function join(lock, record_key, attempts, attempt, ms)
  local left, lives = redis.call('PTTL', lock), record_ms(ms)
  local earlier = attempts and moved(attempts, lives - redis.call('PTTL', record_key)) or '+'
  return change(earlier, attempt, attempt .. '@' .. (left < 0 and 'n' or string.format('%.0f', lives - left)))
end

-- The same attempts after one of them asked again and gave the lock `ms` ('0': no end). A roll-back of another one ends the lock no sooner than that.
local function asked_again(record_key, attempts, attempt, ms)
  local by = record_ms(ms) - redis.call('PTTL', record_key)
  return (string.gsub(moved(attempts, by), '([^,@]+)@(%-?%d+)', function(other, before)
    if other ~= attempt then return other .. '@' .. (ms == '0' and 'n' or string.format('%.0f', math.min(before, 0))) end
  end))
end
