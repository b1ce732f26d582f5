-- Attempt and token of a hold record, if it speaks of the hold that is there now: both have no lease, or their times left are alike
-- (set by one script, but on Redis before 7.2 not at one instant).
local function record_of(lock, record_key)
  local record = redis.call('GET', record_key)
  if not record then return end
  local attempt, token, timed = string.match(record, '^([^:]*):(%d+):([01])$')
  local left = redis.call('PTTL', lock)
  if timed == '0' and left == -1 then return attempt, tonumber(token) end
  if timed == '1' and left >= 0 and math.abs(left - redis.call('PTTL', record_key)) <= 5 then
    return attempt, tonumber(token)
  end
end
