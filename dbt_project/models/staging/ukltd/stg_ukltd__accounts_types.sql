with

source as (

    select * from {{ source('ukltd', 'luat01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('luat01') }}
    from source

),

typed as (

    select
        {{ typed_columns('luat01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('luat01') }}
    from typed

)

select * from final
