-- The next number of the slot's counter. Below 10^15 the counter was lost with the data; TIME is past it since 2001.
-- `raise`: the caller has not used the counter on its connection yet; after a failover it may lag behind.
local function next_token(counter, raise)
  local token = redis.call('INCR', counter)
  if token < 1e15 or raise then
    local now = redis.call('TIME')
    local floor = tonumber(now[1]) * 1000000 + tonumber(now[2])
    if token < floor then
      token = floor
      redis.call('SET', counter, string.format('%.0f', token))
    end
  end
  return token
end
