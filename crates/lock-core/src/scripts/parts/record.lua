-- Attempts and token of a hold record, if it speaks of the hold that is there now: both have no lease, or their times left are alike
-- (set by one script, but on Redis before 7.2 not at one instant). Attempts of one owner hold a lock together, so several may be named,
-- with commas between; "+" stands for those that are named no more, or never were.
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

local function names(attempts, attempt) return string.find(',' .. attempts .. ',', ',' .. attempt .. ',', 1, true) ~= nil end

-- The attempts without one, or with one more, which then comes last. At most three are named.
local function change(attempts, attempt, more)
  local list, others = {}, false
  for name in string.gmatch(attempts, '[^,]+') do
    if name == '+' then others = true elseif name ~= attempt then list[#list + 1] = name end
  end
  if more then list[#list + 1] = attempt end
  if #list > 3 then
    others = true
    table.remove(list, 1)
  end
  if others then table.insert(list, 1, '+') end
  return table.concat(list, ',')
end
